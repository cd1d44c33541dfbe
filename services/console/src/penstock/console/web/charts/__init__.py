"""Figures for the pages: data and layout, which the browser draws, each with the table behind it."""
