// The timeline of a story: coverage by the hour as an area, developments as numbered markers above it, alerts below. uPlot draws the
// area and zooms; the markers are links, so that a keyboard, a finger and a screen reader have them too.
/* global uPlot */

import { reveal } from "./page.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const LANE = 30;
const LANES = 4;
const BADGE = 26;
const LABEL = 190;
const SPANS = [["24 h", DAY], ["7 days", 7 * DAY], ["30 days", 30 * DAY], ["All", 0]];

const place = document.getElementById("timeline");
if (place) draw(place, await (await fetch(place.dataset.of)).json());

function element(tag, names = {}, ...children) {
  const { dataset = {}, ...rest } = names;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

/** Hours without a report are zero, so that the area falls where nothing was said. */
function hourly(coverage) {
  const [first, last] = [coverage[0][0] - 2 * HOUR, coverage.at(-1)[0] + 2 * HOUR];
  const counts = new Map(coverage);
  const times = [];
  for (let at = first; at <= last; at += HOUR) times.push(at);
  return [times, times.map((at) => counts.get(at) ?? 0)];
}

function draw(root, story) {
  if (!story.coverage.length) return;
  const data = hourly(story.coverage);
  const marks = story.timeline.map((mark, number) => ({ ...mark, number: number + 1, at: Date.parse(mark.started_at) / 1000 }));
  const whole = [Math.min(data[0][0], marks[0]?.at ?? Infinity) - HOUR, data[0].at(-1) + HOUR];
  const chart = element("div", { className: "chart" });
  const lane = element("ol", { className: "marks" });
  lane.setAttribute("aria-label", "Developments in order of time");
  const tip = element("div", { className: "tip", hidden: true });
  const buttons = element("p", { className: "spans" });
  buttons.setAttribute("role", "group");
  buttons.setAttribute("aria-label", "Span of the timeline");
  root.replaceChildren(buttons, element("div", { className: "stage" }, lane, chart, tip));

  const time = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const plot = new uPlot(options(), data, chart);

  function colours() {
    const style = getComputedStyle(root);
    return Object.fromEntries(["accent", "soft", "rule"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  function options() {
    const axis = { stroke: () => colours().soft, grid: { stroke: () => colours().rule, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: chart.clientWidth || 600,
      height: 190,
      padding: [8, 0, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false, setScale: true } },
      scales: { x: { time: true, min: whole[0], max: whole[1] }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.08)] } },
      axes: [{ ...axis, grid: { show: false }, space: 90 }, { ...axis, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] }],
      series: [{}, { label: "reports", stroke: () => colours().accent, width: 1.5, fill: () => `color-mix(in srgb, ${colours().accent} 16%, transparent)`, points: { show: false } }],
      hooks: { setScale: [(u, key) => key === "x" && queueMicrotask(layOut)], setCursor: [hover] },
    };
  }

  // --- markers: each in the first lane that has room, with its headline where there is room for that; crowds share a badge

  const items = marks.map(marker);
  lane.append(...items.map((item) => item.node));

  function marker(mark) {
    const channels = [...new Set(mark.alerts.flatMap((alert) => Object.keys(alert.channels)))];
    const failed = mark.alerts.some((alert) => Object.values(alert.channels).some((state) => state === "dead" || state === "failed"));
    const told = mark.alerts.length ? `alerted by ${channels.join(", ") || "nobody"}` : "known when following began";
    const link = element("a", { href: `#d-${mark.id}`, tabIndex: -1 });
    link.append(element("span", { className: `badge${mark.alerts.length ? "" : " hollow"}${failed ? " failed" : ""}`, textContent: mark.number }));
    link.append(element("span", { className: "label", textContent: mark.title }));
    link.setAttribute("aria-label", `${mark.number}. ${mark.title}. ${time.format(mark.at * 1000)}, ${mark.reports} reports, ${mark.outlets.length} outlets, ${told}.`);
    const said = [element("b", { textContent: mark.title }), element("span", { textContent: time.format(mark.at * 1000) }), element("span", { textContent: `${mark.reports} reports by ${mark.outlets.slice(0, 4).join(", ")}${mark.outlets.length > 4 ? " and others" : ""}` })];
    for (const alert of mark.alerts) {
      const states = Object.entries(alert.channels).map(([name, state]) => `${name}: ${state}`).join(", ");
      said.push(element("span", { className: "alerted", textContent: `${alert.kind === "new" ? "Alert" : "Update"} ${time.format(Date.parse(alert.at))}${states ? `, ${states}` : ""}` }));
    }
    const stem = element("i", { className: "stem" });
    const node = element("li", {}, link, stem);
    link.addEventListener("focus", () => show(said, Number(node.dataset.x)));
    link.addEventListener("blur", hide);
    node.addEventListener("mouseenter", () => show(said, Number(node.dataset.x)));
    node.addEventListener("mouseleave", hide);
    link.addEventListener("click", (event) => {
      const target = document.getElementById(`d-${mark.id}`);
      if (target) {
        event.preventDefault();
        history.replaceState(null, "", link.hash);
        hide();
        reveal(target);
      } else {
        event.preventDefault();
        location.assign(`/developments/${encodeURIComponent(mark.id)}`);
      }
    });
    return { node, link, mark };
  }

  function layOut() {
    const left = plot.bbox.left / devicePixelRatio;
    const width = plot.bbox.width / devicePixelRatio;
    const ends = Array(LANES).fill(-Infinity);
    const seen = [];
    for (const item of items) {
      const x = left + plot.valToPos(item.mark.at, "x");
      item.node.hidden = x < left - 1 || x > left + width + 1;
      if (!item.node.hidden) seen.push({ ...item, x });
    }
    for (const [index, item] of seen.entries()) {
      const free = ends.findIndex((end) => end <= item.x - BADGE / 2);
      const row = free < 0 ? ends.indexOf(Math.min(...ends)) : free;
      const next = seen[index + 1]?.x ?? Infinity;
      const room = Math.min(left + width - item.x - BADGE / 2 - 4, LABEL);
      const isAlone = free >= 0 && (seen.length <= 10 || next - item.x > 40);
      const label = isAlone && room > 70 ? room : 0;
      ends[row] = Math.max(ends[row], item.x + BADGE / 2 + 3 + label);
      item.node.dataset.x = item.x;
      Object.assign(item.node.style, { left: `${item.x}px`, top: `${row * LANE}px` });
      item.link.querySelector(".label").style.maxWidth = `${Math.max(0, label - 6)}px`;
      item.node.classList.toggle("bare", !label);
      item.node.querySelector(".stem").style.height = `${(LANES - row) * LANE - BADGE + plot.bbox.height / devicePixelRatio + 10}px`;
    }
    lane.style.height = `${LANES * LANE}px`;
    const focused = seen.find((item) => item.link === document.activeElement) ?? seen.at(-1);
    for (const item of items) item.link.tabIndex = item.link === focused?.link ? 0 : -1;
    for (const button of buttons.querySelectorAll("[data-span]")) button.setAttribute("aria-pressed", String(isSpan(Number(button.dataset.span))));
  }

  // --- what is pointed at

  function show(said, x) {
    tip.replaceChildren(...said.map((part) => part.cloneNode(true)));
    tip.hidden = false;
    const most = tip.parentElement.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(most, x - tip.offsetWidth / 2))}px`;
    tip.style.top = `${LANES * LANE + 14}px`;
  }

  function hide() {
    tip.hidden = true;
  }

  function hover(u) {
    const { idx, left } = u.cursor;
    if (left < 0 || idx == null) return hide();
    const [at, count] = [data[0][idx], data[1][idx]];
    show([element("span", { textContent: `${time.format(at * 1000)}, one hour` }), element("b", { textContent: count === 1 ? "1 report" : `${count} reports` })], u.bbox.left / devicePixelRatio + left);
  }

  chart.addEventListener("click", () => {
    const { idx, left } = plot.cursor;
    if (left < 0 || idx == null || plot.select.width) return;
    const until = data[0][idx] + HOUR;
    const before = marks.filter((mark) => mark.at < until).at(-1);
    if (before) reveal(document.getElementById(`d-${before.id}`));
  });

  // --- zoom: drag, double click, buttons, keys

  const span = () => plot.scales.x.max - plot.scales.x.min;
  const isSpan = (wanted) => Math.abs(span() - (wanted || whole[1] - whole[0])) < HOUR;

  function zoom(min, max) {
    const width = Math.min(Math.max(max - min, 6 * HOUR), whole[1] - whole[0]);
    const begin = Math.max(whole[0], Math.min(min, whole[1] - width));
    plot.setScale("x", { min: begin, max: begin + width });
  }

  function move(share) {
    const step = span() * share;
    zoom(plot.scales.x.min + step, plot.scales.x.max + step);
  }

  for (const [label, wanted] of SPANS) {
    if (wanted && wanted >= whole[1] - whole[0]) continue;
    const button = element("button", { type: "button", className: "quiet", textContent: label, dataset: { span: wanted } });
    button.addEventListener("click", () => (wanted ? zoom(Math.max(whole[0], plot.scales.x.max - wanted), plot.scales.x.max) : zoom(...whole)));
    buttons.append(button);
  }
  for (const [label, sign, share] of [["Earlier", "←", -0.5], ["Later", "→", 0.5]]) {
    const button = element("button", { type: "button", className: "quiet", textContent: sign });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => move(share));
    buttons.append(button);
  }
  chart.addEventListener("dblclick", () => zoom(...whole));

  lane.addEventListener("keydown", (event) => {
    const shown = items.filter((item) => !item.node.hidden);
    const at = shown.findIndex((item) => item.link === document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (next === undefined || !shown[next]) return;
    event.preventDefault();
    for (const item of items) item.link.tabIndex = -1;
    shown[next].link.tabIndex = 0;
    shown[next].link.focus();
  });

  new ResizeObserver(() => {
    plot.setSize({ width: chart.clientWidth, height: 190 });
    layOut();
  }).observe(chart);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw(false));
  layOut();
}
