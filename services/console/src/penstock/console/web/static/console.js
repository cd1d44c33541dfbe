// The console's pages work without this script, charts and live figures apart.
"use strict";

const root = document.body.dataset.root;

// Theme: the system's, unless the reader chose one.
function chosenTheme() { try { return localStorage.getItem("penstock-theme"); } catch { return null; } }
function applyTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}
applyTheme(chosenTheme());
document.getElementById("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
    || (!chosenTheme() && matchMedia("(prefers-color-scheme: dark)").matches);
  const theme = dark ? "light" : "dark";
  try { localStorage.setItem("penstock-theme", theme); } catch { /* it holds for this page */ }
  applyTheme(theme);
  drawAll(document);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));

// Charts: Plotly draws what stands as JSON beside each; colours are the style sheet's.
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
function resolved(value) {
  if (typeof value === "string") return /^@[a-z0-9-]+$/.test(value) ? colour(value.slice(1)) : value;
  if (Array.isArray(value)) return value.map(resolved);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolved(part)]));
  }
  return value;
}
function axis(own) {
  return { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), automargin: true, ...own };
}
function draw(figure) {
  const { traces, layout, height } = resolved(JSON.parse(figure.querySelector("script").textContent));
  const plot = figure.querySelector(".plot");
  Plotly.react(plot, traces, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("text"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    margin: { l: 48, r: 12, t: 24, b: 36 }, height, legend: { orientation: "h", y: -0.25 },
    hoverlabel: { bgcolor: colour("raised"), font: { color: colour("text") } },
    ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
  }, { displayModeBar: false, responsive: true });
}
function drawAll(within) {
  if (window.Plotly) within.querySelectorAll("figure.chart").forEach(draw);
}
if (document.body.dataset.plotly) {
  const script = document.createElement("script");
  script.src = document.body.dataset.plotly;
  script.addEventListener("load", () => drawAll(document));
  document.head.append(script);
}

// Live: a message a second; figures are set at once, sections fetched anew when their stream has changed.
const shown = document.body.dataset.live;
let revision = Number(document.body.dataset.revision);
let isFetching = false;
let fetchedAt = 0;
const FETCH_MS = 1000;
const sources = new Map();
document.querySelectorAll("[data-section]").forEach((section) => sources.set(section.id, section.innerHTML));

function setText(selector, text) {
  document.querySelectorAll(selector).forEach((element) => {
    if (element.textContent !== text) element.textContent = text;
  });
}
function isBusy(section) {
  return section.contains(document.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
}
function replaceSection(section, fresh) {
  const open = [...section.querySelectorAll("details")].map((details) => details.open);
  const focus = section.contains(document.activeElement) ? document.activeElement : null;
  const [tag, href] = focus ? [focus.tagName, focus.getAttribute("href")] : [null, null];
  const scrolled = [...section.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
  if (window.Plotly) section.querySelectorAll(".plot").forEach((plot) => Plotly.purge(plot));
  section.innerHTML = fresh.innerHTML;
  section.querySelectorAll("details").forEach((details, n) => { details.open = open[n] ?? details.open; });
  section.querySelectorAll(".scroll").forEach((box, n) => { if (scrolled[n]) [box.scrollLeft, box.scrollTop] = scrolled[n]; });
  if (focus) [...section.querySelectorAll(tag)].find((each) => each.getAttribute("href") === href)?.focus({ preventScroll: true });
  drawAll(section);
}
async function fetchSections(newest) {
  isFetching = true;
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.querySelectorAll("[data-section]").forEach((section) => {
      const fresh = page.getElementById(section.id);
      if (!fresh || isBusy(section) || sources.get(section.id) === fresh.innerHTML) return;
      sources.set(section.id, fresh.innerHTML);
      replaceSection(section, fresh);
    });
    revision = newest;
  } catch { /* the next message comes */ } finally {
    isFetching = false;
    fetchedAt = Date.now();
  }
}
if (shown) {
  const state = document.getElementById("live");
  const feed = new EventSource(`${root}/live`);
  const numbers = new Intl.NumberFormat("en");
  feed.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    state.hidden = false;
    state.classList.remove("lost");
    state.textContent = "live";
    for (const [name, stream] of Object.entries(message.streams)) {
      const at = CSS.escape(name);
      setText(`[data-rate="${at}"]`, stream.rate.toFixed(1));
      setText(`[data-answers="${at}"]`, numbers.format(stream.answers));
    }
    const newest = shown === "*" ? message.revision : message.streams[shown]?.revision ?? revision;
    if (newest !== revision && !isFetching && Date.now() - fetchedAt >= FETCH_MS) fetchSections(newest);
  });
  feed.addEventListener("error", () => {
    state.hidden = false;
    state.classList.add("lost");
    state.textContent = "not live";
  });
}

// People sign what they command: the name is kept for the next time.
const actor = document.querySelector('input[name="actor"]');
if (actor) {
  try { actor.value ||= localStorage.getItem("penstock-actor") ?? ""; } catch { /* typed each time */ }
  actor.form.addEventListener("submit", () => {
    try { localStorage.setItem("penstock-actor", actor.value); } catch { /* typed each time */ }
  });
}
