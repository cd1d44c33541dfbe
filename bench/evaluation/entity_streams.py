"""Synthetic streams of things that come again: terminals, products, demand by the hour.

Terminals: Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud Detection,
2022, whose second kind of fraud is a terminal that is taken over for 28 days; here two thirds of the payments at it
are fraud, and their amounts tell nothing. Intermittent demand: Croston: Forecasting and Stock Control for Intermittent
Demands, Operational Research Quarterly 23(3), 1972, and Lambert: Zero-inflated Poisson Regression, Technometrics 34(1),
1992. Growth: a trend times seasons, as in Winters: Forecasting Sales by Exponentially Weighted Moving Averages,
Management Science 6(3), 1960.
"""

from __future__ import annotations

import numpy as np

from bench.evaluation.synthetic_columns import ROWS, Column, MixedColumns, named, times

DAY = 86_400.0  # seconds
DAYS = 183.0  # that payments go on
TERMINALS, CUSTOMERS, TAKEN_DAYS, TAKEN, FRAUD_SHARE = 200, 600, 28.0, 20, 2 / 3
PRODUCTS, STORES = 80, 4
SIGMA = 0.8  # of the logarithm of amounts


def terminals(random: np.random.Generator) -> MixedColumns:
    """Payments at terminals, of which 20 are taken over for a month each: about 1 % are fraud."""
    seconds = np.sort(random.uniform(0, DAYS * DAY, ROWS))
    terminal, customer = random.integers(0, TERMINALS, ROWS), random.integers(0, CUSTOMERS, ROWS)
    taken_at = np.full(TERMINALS, np.inf)
    taken_at[random.choice(TERMINALS, TAKEN, replace=False)] = random.uniform(0, DAYS - TAKEN_DAYS, TAKEN) * DAY
    since = seconds - taken_at[terminal]
    is_taken = (since >= 0) & (since < TAKEN_DAYS * DAY)
    usual_amount = random.lognormal(3, 0.5, CUSTOMERS)
    return {
        "time": times(seconds),
        "customer": named("c", customer),
        "terminal": named("t", terminal),
        "amount": (usual_amount[customer] * random.lognormal(0, SIGMA, ROWS)).round(2),
        "label": named("", (is_taken & (random.random(ROWS) < FRAUD_SHARE)).astype(np.int64)),
    }


def intermittent_demand(random: np.random.Generator) -> MixedColumns:
    """Sales of 80 products in four stores, each with its own price and frequency of demand: 64 % are zeros."""
    hours: Column = np.arange(ROWS, dtype=np.float64) / 2
    product, store = random.integers(0, PRODUCTS, ROWS), random.integers(0, STORES, ROWS)
    frequency, size = random.beta(1.05, 2.25, PRODUCTS), random.gamma(2.0, 3.0, PRODUCTS)
    price = random.lognormal(1.5, 0.6, PRODUCTS)
    weekday = (hours // 24 % 7).astype(np.int64)
    busy = np.array([0.9, 0.8, 0.85, 0.95, 1.1, 1.4, 1.2])[weekday] * np.array([0.7, 0.9, 1.1, 1.4])[store]
    promotion = random.random(ROWS) < 0.1
    chance = np.minimum(0.95, frequency[product] * busy * np.where(promotion, 1.3, 1.0))
    sold = 1 + random.poisson(size[product] * busy * np.where(promotion, 1.6, 1.0))
    return {
        "time": times(hours * 3600),
        "product": named("p", product),
        "store": named("s", store),
        "promotion": promotion.astype(float),
        "price": price[product].round(2),
        "label": (np.where(random.random(ROWS) < chance, sold, 0) * price[product]).round(2),
    }


def growth(random: np.random.Generator) -> MixedColumns:
    """Demand by the hour over 500 days that grows fivefold, with seasons of the day, week and year, and weather."""
    hours = np.arange(ROWS, dtype=np.float64)
    day, weekday = hours / 24, (hours // 24 % 7).astype(np.int64)
    warmth = 12 - 10 * np.cos(2 * np.pi * day / 365) + random.normal(0, 3, ROWS)
    of_day = 1 + 0.7 * np.sin(2 * np.pi * (hours % 24 - 9) / 24) + 0.3 * np.sin(4 * np.pi * (hours % 24 - 7) / 24)
    level = 40 * 5.0 ** (hours / ROWS) * np.array([1.0, 1.05, 1.05, 1.05, 1.1, 0.8, 0.7])[weekday]
    demand = level * of_day * (1 + 0.02 * (warmth - 12)) * random.lognormal(0, 0.15, ROWS)
    return {
        "time": times(hours * 3600),
        "hour": hours % 24,
        "weekday": weekday.astype(float),
        "temperature": warmth.round(1),
        "holiday": _holidays(random),
        "label": np.maximum(demand, 0).round(1),
    }


def _holidays(random: np.random.Generator) -> Column:
    """One day in forty, which changes nothing."""
    return np.repeat((random.random(ROWS // 24) < 1 / 40).astype(float), 24)
