// The timeline of a story: coverage as an area, developments as numbered markers above it, each with its alerts. uPlot draws the area
// and zooms; the markers are links, so that a keyboard, a finger and a screen reader have them too.
/* global uPlot */

import { reveal } from "./page.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const HEIGHT = 190;
const BADGE = 26;
const LANE = 30;
const LANES = 4;
const LABEL = 200;
const SHORTEST = 56;
const CROWD = 60;
const POINT = 4;
const SPANS = [["24 hours", DAY], ["7 days", 7 * DAY], ["30 days", 30 * DAY], ["All", 0]];
const STEPS = [1, 2, 3, 6, 12, 24];

let current;
const place = document.getElementById("timeline");
if (place) {
  start(place);
  document.addEventListener("refreshed", () => start(place));
}

/** Draw the story as it is now; what cannot be had leaves what is there. */
async function start(root) {
  const story = await fetch(root.dataset.of).then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (!story?.coverage.length) return;
  const view = current?.isZoomed() ? current.view : null;
  current?.end();
  current = new Timeline(root, story, view);
}

/** An element with these properties and children. */
function element(tag, names = {}, ...children) {
  const made = Object.assign(document.createElement(tag), names);
  made.append(...children);
  return made;
}

function plural(count, word) {
  return `${count} ${count === 1 ? word : `${word}s`}`;
}

const moment = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const range = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

class Timeline {
  constructor(root, story, view) {
    this.root = root;
    this.counts = new Map(story.coverage);
    const hours = [story.coverage[0][0], story.coverage.at(-1)[0]];
    this.marks = story.timeline.map((mark, index) => ({ ...mark, number: index + 1, at: Date.parse(mark.started_at) / 1000 }));
    const edge = Math.max(2 * HOUR, (hours[1] - hours[0]) * 0.015);
    this.whole = [Math.min(hours[0], this.marks[0]?.at ?? hours[0]) - edge, hours[1] + HOUR + edge];
    this.view = view ?? this.whole;
    this.build();
    this.items = this.marks.map((mark) => this.marker(mark));
    this.step = this.coarseness();
    this.plot = new uPlot(this.options(), this.binned(this.step), this.chart);
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.chart);
    this.ended = new AbortController();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw(false), { signal: this.ended.signal });
  }

  end() {
    this.resized.disconnect();
    this.ended.abort();
    this.plot.destroy();
  }

  build() {
    this.chart = element("div", { className: "chart" });
    this.lane = element("ol", { className: "marks" });
    this.lane.setAttribute("aria-label", "Developments in order of time");
    this.lane.style.height = `${LANES * LANE}px`;
    this.tip = element("div", { className: "tip", hidden: true });
    this.span = element("p", { className: "soft number span" });
    this.buttons = element("p", { className: "spans" });
    this.buttons.setAttribute("role", "group");
    this.buttons.setAttribute("aria-label", "Span of the timeline");
    for (const [label, wanted] of SPANS) {
      if (wanted && wanted >= this.length()) continue;
      this.button(label, () => (wanted ? this.zoom(this.view[1] - wanted, this.view[1]) : this.zoom(...this.whole))).dataset.span = wanted;
    }
    this.button("←", () => this.move(-0.5)).setAttribute("aria-label", "Earlier");
    this.button("→", () => this.move(0.5)).setAttribute("aria-label", "Later");
    this.ticks = element("div", { className: "ticks" });
    this.ticks.setAttribute("aria-hidden", "true"); // the markers tell of each alert
    this.stage = element("div", { className: "stage" }, this.lane, this.chart, this.ticks, this.tip);
    this.root.replaceChildren(element("div", { className: "tools" }, this.buttons, this.span), this.stage);
    this.lane.addEventListener("keydown", (event) => this.walk(event));
    this.chart.addEventListener("dblclick", () => this.zoom(...this.whole));
    this.chart.addEventListener("click", () => this.open());
    this.chart.addEventListener("mouseleave", () => this.hide());
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.hide());
  }

  button(label, act) {
    const button = element("button", { type: "button", className: "quiet", textContent: label });
    button.addEventListener("click", act);
    this.buttons.append(button);
    return button;
  }

  // --- the area

  colour(name) {
    return getComputedStyle(this.root).getPropertyValue(`--${name}`).trim();
  }

  options() {
    const axis = { stroke: () => this.colour("soft"), grid: { stroke: () => this.colour("rule"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: this.chart.clientWidth || 600,
      height: HEIGHT,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { time: true, range: () => this.view },
        y: { range: (_, __, most) => [0, Math.max(4, most * 1.08)] },
      },
      axes: [
        { ...axis, grid: { show: false }, space: 76, size: 30, values: (_, splits, __, ___, step) => splits.map((at) => this.said(at, step)) },
        { ...axis, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      ],
      series: [
        {},
        { stroke: () => this.colour("accent"), width: 1.5, fill: () => `color-mix(in srgb, ${this.colour("accent")} 16%, transparent)`, points: { show: false } },
      ],
      hooks: {
        draw: [() => this.layOut()],
        setCursor: [() => this.hover()],
        setSelect: [() => this.select()],
      },
    };
  }

  said(at, step) {
    const date = new Date(at * 1000);
    return step >= DAY || (date.getHours() === 0 && date.getMinutes() === 0) ? day.format(date) : clock.format(date);
  }

  /** Reports in so many hours each; nothing said is zero, so that the area falls there. */
  binned(step) {
    const width = step * HOUR;
    const [times, counts] = [[], []];
    const first = Math.floor(this.whole[0] / width) * width;
    for (let at = first; at <= this.whole[1]; at += width) {
      let count = 0;
      for (let hour = at; hour < at + width; hour += HOUR) count += this.counts.get(hour) ?? 0;
      times.push(at + width / 2);
      counts.push(count);
    }
    return [times, counts];
  }

  /** Hours a point: as many as the width needs, so that points can be told apart. */
  coarseness() {
    const points = (this.chart.clientWidth || 600) / POINT;
    return STEPS.find((hours) => this.length() / (hours * HOUR) <= points) ?? STEPS.at(-1);
  }

  fit() {
    this.step = this.coarseness();
    this.plot.setData(this.binned(this.step));
  }

  resize() {
    if (!this.chart.clientWidth || this.chart.clientWidth === this.plot.width) return;
    this.plot.setSize({ width: this.chart.clientWidth, height: HEIGHT });
    this.fit();
  }

  // --- the markers: each in the first lane that has room, with its headline where there is room for that; a crowd shares one badge

  marker(mark) {
    const badge = element("span", { className: "badge", textContent: mark.number });
    badge.classList.toggle("hollow", !mark.alerts.length);
    badge.classList.toggle("failed", mark.alerts.some((alert) => Object.values(alert.channels).some((state) => state === "dead" || state === "failed")));
    const lines = this.lines(mark);
    const unseen = element("span", { className: "unseen", textContent: `. ${lines.slice(1).join(". ")}` });
    const link = element("a", { href: `#d-${mark.id}` }, badge, " ", element("span", { className: "label", textContent: mark.title }), unseen);
    const node = this.point(link, () => lines);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      this.hide();
      const target = document.getElementById(`d-${mark.id}`);
      if (!target) return location.assign(`/developments/${encodeURIComponent(mark.id)}`);
      history.replaceState(null, "", link.hash);
      reveal(target);
    });
    return { node, link, mark };
  }

  /** What is told of a development: headline, time, reports, alerts with what became of them. */
  lines(mark) {
    const outlets = `${mark.outlets.slice(0, 4).join(", ")}${mark.outlets.length > 4 ? " and others" : ""}`;
    const alerts = mark.alerts.map((alert) => {
      const states = Object.entries(alert.channels).map(([name, state]) => (state === "sent" ? name : `${name} (${state})`));
      return `${alert.kind === "new" ? "Alert" : "Update"} ${clock.format(Date.parse(alert.at))}${states.length ? ` by ${states.join(", ")}` : ""}`;
    });
    return [mark.title, moment.format(mark.at * 1000), `${plural(mark.reports, "report")}: ${outlets}`, ...(alerts.length ? alerts : ["Known when following began"])];
  }

  point(link, lines) {
    link.tabIndex = -1;
    const node = element("li", {}, link, element("i", { className: "stem" }));
    const show = () => this.show(lines(), node.offsetLeft + BADGE / 2, LANES * LANE + 14);
    link.addEventListener("focus", show);
    link.addEventListener("blur", () => this.hide());
    node.addEventListener("mouseenter", show);
    node.addEventListener("mouseleave", () => this.hide());
    return node;
  }

  crowd(group) {
    const [first, last] = [group[0].mark, group.at(-1).mark];
    const lines = [`${group.length} developments`, `${moment.format(first.at * 1000)} to ${moment.format(last.at * 1000)}`, "Look closer"];
    const badge = element("span", { className: "badge crowd", textContent: `${first.number}–${last.number}` });
    const link = element("a", { href: "#timeline" }, badge, element("span", { className: "unseen", textContent: ` ${lines.join(", ")}` }));
    const node = this.point(link, () => lines);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const edge = Math.max(HOUR, (last.at - first.at) * 0.2);
      this.zoom(first.at - edge, last.at + edge);
    });
    return { node, link, mark: first, size: group.length };
  }

  layOut() {
    const left = this.plot.bbox.left / devicePixelRatio;
    const width = this.plot.bbox.width / devicePixelRatio;
    const right = left + width;
    const seen = this.items.map((item) => ({ ...item, x: left + ((item.mark.at - this.view[0]) / this.length()) * width })).filter(({ x }) => x >= left && x <= right);
    const shown = this.gathered(seen);
    const held = this.lane.contains(document.activeElement);
    this.lane.replaceChildren(...shown.map((item) => item.node));
    const lanes = Array.from({ length: LANES }, () => ({ badge: -Infinity, label: -Infinity, item: null }));
    for (const item of shown) this.place(item, right, lanes);
    for (const item of shown) this.set(item);
    if (shown.length) shown.at(-1).link.tabIndex = 0;
    this.alerts(left, width);
    if (held && !this.lane.contains(document.activeElement)) shown[0]?.link.focus();
    this.tell();
  }

  /** A tick on the ground for each alert that went out, also for those that told of a change. */
  alerts(left, width) {
    this.ticks.style.top = `${LANES * LANE + (this.plot.bbox.top + this.plot.bbox.height) / devicePixelRatio}px`;
    const ticks = this.marks.flatMap((mark) => mark.alerts).map((alert) => ({ alert, share: (Date.parse(alert.at) / 1000 - this.view[0]) / this.length() }));
    this.ticks.replaceChildren(
      ...ticks.filter(({ share }) => share >= 0 && share <= 1).map(({ alert, share }) => {
        const tick = element("i");
        tick.classList.toggle("failed", Object.values(alert.channels).some((state) => state === "dead" || state === "failed"));
        tick.style.left = `${left + share * width}px`;
        return tick;
      }),
    );
  }

  /** Neighbours that would hide each other become a crowd. */
  gathered(seen) {
    const groups = [];
    for (const item of seen) {
      const group = groups.at(-1);
      const isNear = group && item.x - group.at(-1).x < BADGE && item.x - group[0].x < CROWD;
      if (isNear) group.push(item);
      else groups.push([item]);
    }
    return groups.flatMap((group) => (group.length <= LANES ? group : [{ ...this.crowd(group), x: (group[0].x + group.at(-1).x) / 2 }]));
  }

  /** In the first lane without a headline in the way, else where the shortest piece of one has to go. */
  place(item, right, lanes) {
    const half = item.size ? CROWD / 2 : BADGE / 2;
    const begin = item.x - half - 2;
    const free = lanes.find((lane) => lane.label <= begin);
    const lane = free ?? lanes.filter((other) => other.badge <= begin).sort((a, b) => a.label - b.label)[0] ?? lanes[0];
    if (!free && lane.item) lane.item.room = Math.min(lane.item.room, begin - lane.badge - 6);
    item.row = lanes.indexOf(lane);
    item.room = item.size ? 0 : Math.min(right - item.x - half - 4, LABEL);
    Object.assign(lane, { badge: item.x + half, label: item.x + half + 4 + Math.max(0, item.room), item });
  }

  set(item) {
    const said = item.link.querySelector(".label");
    const isBare = item.room < SHORTEST;
    item.link.tabIndex = -1;
    item.node.style.left = `${item.x}px`;
    item.node.style.top = `${item.row * LANE}px`;
    item.node.classList.toggle("bare", isBare);
    if (said) said.style.maxWidth = `${Math.max(0, item.room - 8)}px`;
    item.node.querySelector(".stem").style.height = `${(LANES - item.row) * LANE - BADGE + this.plot.bbox.height / devicePixelRatio + 8}px`;
  }

  tell() {
    for (const button of this.buttons.querySelectorAll("[data-span]")) {
      const wanted = Number(button.dataset.span) || this.whole[1] - this.whole[0];
      button.setAttribute("aria-pressed", String(Math.abs(this.length() - wanted) < HOUR / 2));
    }
    const [from, to] = this.view.map((at) => new Date(at * 1000));
    const each = this.step === 1 ? "hour" : `${this.step} hours`;
    this.span.textContent = `${range.formatRange(from, to)}, reports per ${each}; ▲ alerts`;
  }

  // --- what is pointed at

  show(lines, x, y) {
    this.tip.replaceChildren(...lines.map((line, index) => element(index ? "span" : "b", { textContent: line })));
    this.tip.hidden = false;
    const most = this.stage.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(most, x - this.tip.offsetWidth / 2))}px`;
    this.tip.style.top = `${y}px`;
  }

  hide() {
    this.tip.hidden = true;
  }

  hover() {
    const { idx, left } = this.plot.cursor;
    if (left < 0 || idx == null) return this.hide();
    const [times, counts] = this.plot.data;
    const begin = (times[idx] - (this.step * HOUR) / 2) * 1000;
    const until = begin + this.step * HOUR * 1000;
    this.show([plural(counts[idx], "report"), moment.formatRange(begin, until)], this.plot.bbox.left / devicePixelRatio + left, LANES * LANE + 14);
  }

  /** The development that was on when the reports under the pointer came. */
  open() {
    const { left } = this.plot.cursor;
    if (left < 0 || this.wasDragged) return;
    const at = this.plot.posToVal(left, "x");
    const before = this.marks.filter((mark) => mark.at <= at).at(-1);
    if (before) this.items[before.number - 1].link.click();
  }

  // --- zoom: drag, double click, buttons; arrow keys walk along the markers

  isZoomed() {
    return this.length() < this.whole[1] - this.whole[0] - HOUR / 2;
  }

  length() {
    return this.view[1] - this.view[0];
  }

  select() {
    const { left, width } = this.plot.select;
    this.wasDragged = width > 4;
    setTimeout(() => (this.wasDragged = false), 50);
    if (this.wasDragged) this.zoom(this.plot.posToVal(left, "x"), this.plot.posToVal(left + width, "x"));
    if (width) this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  zoom(min, max) {
    const width = Math.min(Math.max(max - min, 6 * HOUR), this.whole[1] - this.whole[0]);
    const begin = Math.max(this.whole[0], Math.min(min, this.whole[1] - width));
    this.view = [begin, begin + width];
    this.fit();
  }

  move(share) {
    const step = this.length() * share;
    this.zoom(this.view[0] + step, this.view[1] + step);
  }

  walk(event) {
    const links = [...this.lane.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (next === undefined || !links[next]) return;
    event.preventDefault();
    for (const link of links) link.tabIndex = -1;
    links[next].tabIndex = 0;
    links[next].focus();
  }
}
