// What happens on the page to explore. `content` is what explore_data.py gathers; a trial is known
// by its index i in all lists of it. Names out of a study are only ever set as text.
"use strict";
const content = JSON.parse(document.getElementById("content").textContent);
const { trials, columns, steps } = content;
const byId = (id) => document.getElementById(id);

// The colours of Okabe and Ito, which colour-blind people tell apart, and shapes that help them.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b0a400"];
const OTHER = "other";
const GREY = "#94a3b8";
const SHAPES = ["circle", "triangle-up", "square", "cross", "triangle-right", "triangle-down"];
const STEP_2_SHAPE = "diamond";
const ROWS = 50; // of a page of the table
const MOST_LINES = 30; // in the chart of the curves
const LOGARITHMIC = 30; // times the smallest value, from which on an axis is logarithmic
const ALL = -1; // all steps
// The last step that has trained a trial so far.
const LAST = Math.max(0, steps.findLastIndex((step) => step.loss.some((loss) => loss !== null)));

const state = {
  step: ALL, // whose losses are shown
  against: 0, // the column along the first chart
  colour: 0, // the column that colours
  before: 0, // the two steps that are compared
  after: LAST,
  brushes: { losses: null, steps: null }, // the spans of x and y that were dragged over
  sort: { column: 0, way: 1 },
  page: 0,
  chosen: null,
};
let isSelected = new Uint8Array(trials.length).fill(1);
const views = {};
let dropped = null; // the brush that the press of the button under way has ended

// Values

const present = (values) => values.filter((value) => value !== null && value !== undefined);
const isNumeric = (values) => values.every((value) => value === null || typeof value === "number");

function show(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return value;
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return value.toLocaleString("en");
  return size >= 1e-3 && size < 1e5 ? String(+value.toPrecision(4)) : value.toExponential(2);
}

function range(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// A scale that shows all values, also where there is only one.
function scaleOf(values) {
  const [low, high] = range(values);
  if (low > high) return { type: "linear", domain: [0, 1] };
  if (low > 0 && high / low >= LOGARITHMIC) return { type: "log", domain: [low / 1.2, high * 1.2], nice: false };
  const margin = (high - low) * 0.04 || Math.abs(low) * 0.1 || 1;
  return { type: "linear", domain: [low - margin, high + margin], nice: false, zero: false };
}

function lossScale(values) {
  const [low, high] = range(values);
  if (!(low > 0) || high / low < 3) return scaleOf(values);
  const margin = Math.max((high / low) ** 0.05, 1.05);
  return { type: "log", domain: [low / margin, high * margin], nice: false };
}

// The most frequent values of a column of texts, and the rest as one.
function classesOf(values) {
  const counts = new Map();
  for (const value of present(values)) counts.set(value, (counts.get(value) || 0) + 1);
  const names = [...counts].sort((a, b) => b[1] - a[1]).map((entry) => entry[0]);
  const most = names.length > COLOURS.length ? COLOURS.length - 1 : COLOURS.length;
  return { named: names.slice(0, most).sort(), rest: names.slice(most) };
}

// Columns that a chart can show: those of numbers, and those of few texts.
const isConstant = (column) => new Set(column.values).size < 2;
const isChartable = (column) =>
  isNumeric(column.values) ? present(column.values).length > 0 : new Set(column.values).size <= 25;

// The points of the charts

const shownSteps = () => (state.step === ALL ? steps.map((_, s) => s) : [state.step]);

// What colours a trial, in the column chosen for that.
let colourOf = null;

function chooseColour() {
  const column = columns[state.colour];
  if (isNumeric(column.values)) return (i) => column.values[i];
  const { rest } = classesOf(column.values);
  const others = new Set(rest);
  return (i) => (others.has(column.values[i]) ? OTHER : column.values[i] ?? OTHER);
}

// Between -1 and 1, the same for a trial each time: spreads points that share a value of a text.
const jitter = (i) => ((i * 0.618034) % 1) * 2 - 1;

function lossPoints() {
  const x = columns[state.against].values;
  const points = [];
  for (const s of shownSteps()) {
    steps[s].loss.forEach((loss, i) => {
      if (loss === null || x[i] === null) return;
      points.push({ i, across: x[i], up: loss, c: colourOf(i), s: steps[s].label, j: jitter(i) });
    });
  }
  return points;
}

function stepPoints() {
  const [before, after] = [steps[state.before].loss, steps[state.after].loss];
  const points = [];
  if (state.before === state.after) return points;
  before.forEach((loss, i) => {
    if (loss === null || after[i] === null) return;
    points.push({ i, across: loss, up: after[i], c: colourOf(i), s: steps[state.after].label, j: 0 });
  });
  return points;
}

// The specifications of the charts

const isNarrow = () => window.innerWidth < 600;

function colourEncoding() {
  const column = columns[state.colour];
  const title = column.label;
  const legend = { title, orient: "top", gradientLength: isNarrow() ? 160 : 240, labelLimit: 120, titleLimit: 200, columns: isNarrow() ? 3 : 6 };
  if (isNumeric(column.values)) {
    const scale = { ...scaleOf(present(column.values)), scheme: { name: "viridis", extent: [0, 0.87] }, reverse: true };
    scale.domain = range(present(column.values));
    return { field: "c", type: "quantitative", scale, legend };
  }
  const { named, rest } = classesOf(column.values);
  const isPartial = rest.length > 0 || column.values.includes(null);
  const domain = isPartial ? [...named, OTHER] : named;
  const colours = isPartial ? [...COLOURS.slice(0, named.length), GREY] : COLOURS.slice(0, named.length);
  return { field: "c", type: "nominal", scale: { domain, range: colours }, legend: { ...legend, symbolOpacity: 1, symbolStrokeWidth: 2 } };
}

function shapeEncoding(names) {
  const shapes = steps.map((step, s) => (step.reproduce === null ? STEP_2_SHAPE : SHAPES[s % SHAPES.length]));
  const legend = names.length > 1 ? { title: null, orient: "top", symbolSize: 60, symbolStrokeColor: "#1e293b", symbolOpacity: 1, ...(isCrowded && { symbolFillColor: "#1e293b" }), labelLimit: 160, columns: isNarrow() ? 2 : 4 } : null;
  const wanted = steps.map((step, s) => [step.label, shapes[s]]).filter(([label]) => names.includes(label));
  return { field: "s", type: "nominal", scale: { domain: wanted.map((entry) => entry[0]), range: wanted.map((entry) => entry[1]) }, legend };
}

function axisOf(title, scale) {
  const isNumber = scale !== undefined;
  const axis = { title, labelOverlap: true, grid: isNumber, gridColor: "#e2e8f0", titleLimit: 300, labelLimit: 90 };
  if (!isNumber) return axis;
  const size = "abs(datum.value)";
  const labelExpr = `format(datum.value, ${size} >= 1000 ? '~s' : ${size} >= 0.001 || ${size} === 0 ? '~g' : '~e')`;
  return { ...axis, labelExpr, ...(scale.type === "log" ? { values: logarithmicTicks(scale.domain) } : { tickCount: 6 }) };
}

// Powers of ten, and where there are few of them numbers between.
function logarithmicTicks([low, high]) {
  const decades = Math.log10(high / low);
  const digits = decades > 3.5 ? [1] : decades > 1.7 ? [1, 3] : decades > 0.7 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    ticks.push(...digits.map((digit) => Number((digit * 10 ** power).toPrecision(3))));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

// Many points are filled: that takes less time, and they hide each other less as they are small.
const isCrowded = trials.length > 1000;
const MARK = isCrowded ? { type: "point", filled: true, opacity: 0.7 } : { type: "point", filled: false, strokeWidth: 1.6, opacity: 0.75 };
const CONFIG = { font: "system-ui, sans-serif", axis: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" }, legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", rowPadding: 2, layout: { top: { direction: "vertical", anchor: "start", margin: 6 } } }, view: { stroke: "#94a3b8" } };

function frame(layer, description) {
  return { $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height: isNarrow() ? 320 : 380, autosize: { type: "fit", contains: "padding" }, padding: 4, background: "white", description, config: CONFIG, layer };
}

// Three layers: what is not selected, what is, and the chosen trial.
function scatter({ x, y, names, description, further = [] }) {
  const size = { condition: { test: `${isCrowded} && datum.s === ${JSON.stringify(steps[0].label)}`, value: 18 }, value: 46 };
  const place = { x, y, ...(x.type === "nominal" && { xOffset: { field: "j", type: "quantitative", scale: { domain: [-1.4, 1.4] } } }), tooltip: { field: "i" } };
  const shape = shapeEncoding(names);
  const select = { type: "interval", translate: false, zoom: false, mark: { stroke: "#1e293b", strokeDash: [4, 3], fillOpacity: 0.06 } };
  const brush = { name: "brush", select };
  const layers = [
    { data: { name: "rest" }, mark: { ...MARK, color: "#cbd5e1", opacity: 0.6 }, encoding: { ...place, shape, size: { value: 14 } }, params: [brush] },
    { data: { name: "selected" }, mark: MARK, encoding: { ...place, shape, size, color: colourEncoding() } },
    { data: { name: "chosen" }, mark: { type: "point", filled: false, strokeWidth: 3, color: "#000000" }, encoding: { ...place, size: { value: 220 }, shape: { value: "circle" } } },
  ];
  return frame([...further, ...layers], description);
}

function lossChart() {
  const column = columns[state.against];
  const points = lossPoints();
  const xScale = isNumeric(column.values) ? scaleOf(present(column.values)) : undefined;
  const yScale = lossScale(points.map((point) => point.up));
  const names = shownSteps().map((s) => steps[s]).filter((step) => present(step.loss).length).map((step) => step.label);
  const x = xScale
    ? { field: "across", type: "quantitative", scale: xScale, axis: axisOf(column.label, xScale) }
    : { field: "across", type: "nominal", axis: { ...axisOf(column.label), labelAngle: new Set(column.values).size > 6 ? -60 : 0 } };
  const y = { field: "up", type: "quantitative", scale: yScale, axis: axisOf(`validation loss (${content.loss})`, yScale) };
  return { points, spec: scatter({ x, y, names, description: "Validation loss of the trials; the table below holds the same." }) };
}

function stepChart() {
  const points = stepPoints();
  const [before, after] = [steps[state.before], steps[state.after]];
  const [xScale, yScale] = ["across", "up"].map((name) => lossScale(points.map((point) => point[name])));
  const x = { field: "across", type: "quantitative", scale: xScale, axis: axisOf(`loss, ${before.label}`, xScale) };
  const y = { field: "up", type: "quantitative", scale: yScale, axis: axisOf(`loss, ${after.label}`, yScale) };
  const low = Math.max(xScale.domain[0], yScale.domain[0]);
  const high = Math.min(xScale.domain[1], yScale.domain[1]);
  const ends = [low, high].map((value) => ({ across: value, up: value }));
  const equal = { data: { values: low < high ? ends : [] }, mark: { type: "line", color: GREY, strokeDash: [5, 4] }, encoding: { x: { field: "across", type: "quantitative" }, y: { field: "up", type: "quantitative" } } };
  return { points, spec: scatter({ x, y, names: [after.label], further: [equal], description: "Losses of trials in two steps; the table below holds the same." }) };
}

function curveChart() {
  const values = [];
  const lastEpochs = [];
  for (const step of steps) {
    for (const [epochs, validation] of Object.values(step.curves)) {
      lastEpochs.push(epochs.at(-1) || 1);
      values.push(...present(validation));
    }
  }
  // A first epoch may be far above all others.
  values.sort((a, b) => a - b);
  const yScale = lossScale([values[0] ?? 1, values[Math.floor(0.99 * values.length)] ?? 1]);
  const xScale = { type: "linear", domain: [1, Math.max(2, range(lastEpochs)[1])], nice: false };
  const x = { field: "x", type: "quantitative", scale: xScale, axis: { ...axisOf("epoch", xScale), tickMinStep: 1, format: "d" } };
  const y = { field: "y", type: "quantitative", scale: { ...yScale, clamp: true }, axis: axisOf(`loss (${content.loss})`, yScale) };
  const colour = { ...colourEncoding(), legend: null };
  // Pieces of lines are drawn in a third of the time that lines take, each of which is a group.
  const piece = { x, y, x2: { field: "x2" }, y2: { field: "y2" }, tooltip: { field: "i" } };
  const line = { x, y, tooltip: { field: "i" } };
  const layers = [
    { data: { name: "selected" }, mark: { type: "rule", clip: true, strokeCap: "round", strokeWidth: 1.7, opacity: 0.85 }, encoding: { ...piece, color: colour } },
    { data: { name: "training" }, mark: { type: "line", clip: true, strokeWidth: 2, strokeDash: [5, 4], color: "#000000" }, encoding: line },
    { data: { name: "chosen" }, mark: { type: "line", clip: true, strokeWidth: 3, color: "#000000" }, encoding: line },
  ];
  return frame(layers, "Loss curves of the best selected trials.");
}

// The charts themselves

function tooltip(handler, event, item, value) {
  const tip = byId("tip");
  tip.hidden = value === null || value === undefined || !item.datum;
  if (tip.hidden) return;
  tip.textContent = describe(item.datum.i);
  const { clientX, clientY } = event.touches?.[0] ?? event;
  tip.style.left = `${Math.max(4, Math.min(clientX + 14, window.innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(4, Math.min(clientY + 14, window.innerHeight - tip.offsetHeight - 8))}px`;
}

function describe(i) {
  const losses = steps.filter((step) => step.status[i]).map((step) => `${step.label}: ${step.loss[i] === null ? step.status[i] : show(step.loss[i])}`);
  const settings = columns.filter((column) => column.values[i] !== null).map((column) => `${column.label}: ${show(column.values[i])}`);
  return [`Trial ${trials[i]}`, ...losses, ...settings].join("\n");
}

// Vega-Lite draws the area of a brush above the points, where it would keep the mouse from them.
function freePoints(spec) {
  for (const mark of spec.marks) if (mark.name === "brush_brush") mark.interactive = false;
  return spec;
}

async function embed(id, spec) {
  views[id]?.finalize();
  views[id] = null;
  const { view } = await vegaEmbed(`#${id}`, spec, { renderer: "canvas", actions: false, tooltip, patch: freePoints });
  views[id] = view;
  view.addEventListener("click", (event, item) => {
    if (item?.datum?.i === undefined) return;
    // A press of the button begins a new brush; one on a point is not meant so.
    if (dropped) restoreBrush(id, dropped);
    choose(item.datum.i);
  });
  return view;
}

const points = { losses: [], steps: [] };

async function drawScatter(id, { points: made, spec }) {
  points[id] = made;
  const chart = byId(id);
  if (made.length === 0) {
    views[id]?.finalize();
    views[id] = null;
    state.brushes[id] = null;
    chart.textContent = id === "steps" ? "No trial has a loss in two different steps here." : "No trial has a loss here.";
    return;
  }
  const view = await embed(id, spec);
  if (state.brushes[id]) restoreBrush(id, state.brushes[id]);
  view.addSignalListener("brush", (_, brush) => keepBrush(id, brush));
}

// The spans that were dragged over, in the units of the axes.
function keepBrush(id, { across, up }) {
  dropped = state.brushes[id];
  state.brushes[id] = across && up ? { across, up } : null;
  state.page = 0;
  scheduleUpdate();
}

function restoreBrush(id, { across, up }) {
  const view = views[id];
  for (const [name, span] of [["x", across], ["y", up]]) {
    const scale = view.scale(name);
    const ends = [span[0], span.at(-1)].map((value) => scale(value));
    if (scale.bandwidth) ends[1] += scale.bandwidth();
    view.signal(`brush_${name}`, ends);
  }
  view.run();
}

const isInside = (brush, point) => within(brush.across, point.across) && within(brush.up, point.up);
const within = (span, value) =>
  typeof value === "number" ? value >= Math.min(...span) && value <= Math.max(...span) : span.includes(value);

async function drawCharts() {
  colourOf = chooseColour();
  await Promise.all([drawScatter("losses", lossChart()), drawScatter("steps", stepChart()), embed("curves", curveChart())]);
  update();
}

// Selection: what passes all filters of the table and lies within the brushes of the charts

function select() {
  const tests = filters();
  isSelected = new Uint8Array(trials.length);
  for (let i = 0; i < trials.length; i++) isSelected[i] = tests.every((test) => test(i)) ? 1 : 0;
  for (const [id, brush] of Object.entries(state.brushes)) {
    if (!brush) continue;
    const inside = new Uint8Array(trials.length);
    for (const point of points[id]) if (isInside(brush, point)) inside[point.i] = 1;
    isSelected = isSelected.map((value, i) => value & inside[i]);
  }
}

let isScheduled = false;
function scheduleUpdate() {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    update();
  });
}

function update() {
  select();
  const n = isSelected.reduce((sum, value) => sum + value, 0);
  byId("count").textContent = `${show(n)} of ${show(trials.length)} trials selected`;
  for (const id of ["losses", "steps"]) if (views[id]) updateScatter(views[id], points[id]);
  updateCurves();
  fillTable();
}

function updateScatter(view, all) {
  view.data("rest", all.filter((point) => !isSelected[point.i]));
  view.data("selected", all.filter((point) => isSelected[point.i]));
  view.data("chosen", all.filter((point) => point.i === state.chosen));
  view.run();
}

// The steps whose curves may be shown, the last one first: that of a trial is its first here.
const curveSteps = () => shownSteps().reverse().map((s) => steps[s]);
const stepOfCurve = (i, wanted = curveSteps()) => wanted.find((step) => step.curves[trials[i]]);

function curvePoints(i, which = 1) {
  const curve = stepOfCurve(i)?.curves[trials[i]];
  if (!curve) return [];
  const colour = colourOf(i);
  return curve[0].map((epoch, e) => ({ i, x: epoch, y: curve[which][e], c: colour })).filter((point) => point.y !== null);
}

function curvePieces(i) {
  const curve = curvePoints(i);
  // A curve of one epoch is a point.
  if (curve.length === 1) return [{ ...curve[0], x2: curve[0].x, y2: curve[0].y }];
  return curve.slice(1).map((point, e) => ({ ...point, x2: curve[e].x, y2: curve[e].y }));
}

function bestWithCurve() {
  const found = [];
  const wanted = curveSteps();
  for (let i = 0; i < trials.length; i++) {
    const step = isSelected[i] ? stepOfCurve(i, wanted) : undefined;
    if (step) found.push({ i, order: -steps.indexOf(step), loss: step.loss[i] });
  }
  found.sort((a, b) => a.order - b.order || a.loss - b.loss);
  return found.map((entry) => entry.i);
}

function updateCurves() {
  const view = views.curves;
  if (!view) return;
  const best = bestWithCurve();
  const lines = best.slice(0, MOST_LINES);
  const chosen = state.chosen;
  view.data("selected", lines.flatMap(curvePieces));
  view.data("chosen", chosen === null ? [] : curvePoints(chosen));
  view.data("training", chosen === null ? [] : curvePoints(chosen, 2));
  view.run();
  const thick = chosen !== null && stepOfCurve(chosen) ? ` Black: trial ${trials[chosen]}, its training loss dashed.` : "";
  byId("note-curves").textContent = `Validation loss of ${show(lines.length)} of ${show(best.length)} selected trials with a curve, each in its last step that is shown. The page holds the curves of the best ${content.most_curves} trials of each step.${thick}`;
}

// The table

const head = [
  { label: "trial", values: trials },
  ...steps.map((step) => ({ label: `loss, ${step.label}`, values: step.loss })),
  { label: "status", values: trials.map((_, i) => statusOf(i)) },
  ...columns,
];

function statusOf(i) {
  const failed = steps.filter((step) => step.status[i] && step.status[i] !== "ok");
  return failed.length ? failed.map((step) => `${step.status[i]} (${step.label})`).join(", ") : "ok";
}

const NUMBER = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?";
const COMPARISON = new RegExp(`^(<=|>=|<|>|=)?\\s*(${NUMBER})$`, "i");
const SPAN = new RegExp(`^(${NUMBER})\\s*\\.\\.\\s*(${NUMBER})$`, "i");
const COMPARE = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "=": (a, b) => a === b };

// The test that a filter means; undefined if it means none.
function parseFilter(text, values) {
  if (!isNumeric(values)) {
    const wanted = text.toLowerCase();
    return (i) => String(values[i] ?? "").toLowerCase().includes(wanted);
  }
  const plain = text.replaceAll(",", "");
  const span = SPAN.exec(plain);
  if (span) return (i) => values[i] !== null && values[i] >= Number(span[1]) && values[i] <= Number(span[2]);
  const comparison = COMPARISON.exec(plain);
  if (!comparison) return undefined;
  const compare = COMPARE[comparison[1] || "="];
  return (i) => values[i] !== null && compare(values[i], Number(comparison[2]));
}

function filters() {
  const tests = [];
  document.querySelectorAll("#table thead input").forEach((input, c) => {
    const text = input.value.trim();
    const test = text === "" ? null : parseFilter(text, head[c].values);
    input.setAttribute("aria-invalid", String(test === undefined));
    if (test) tests.push(test);
  });
  return tests;
}

function compareRows(a, b) {
  const { column, way } = state.sort;
  const [one, other] = [head[column].values[a], head[column].values[b]];
  if (one === other) return a - b;
  if (one === null) return 1; // what is missing comes last, both ways round
  if (other === null) return -1;
  return way * (typeof one === "number" ? one - other : String(one).localeCompare(String(other)));
}

function sortedRows() {
  const rows = [];
  for (let i = 0; i < trials.length; i++) if (isSelected[i]) rows.push(i);
  return rows.sort(compareRows);
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function makeHead() {
  const names = head.map((column, c) => {
    const button = make("button", { type: "button", textContent: column.label });
    button.onclick = () => {
      const way = state.sort.column === c ? -state.sort.way : 1;
      Object.assign(state, { sort: { column: c, way }, page: 0 });
      fillTable();
    };
    return make("th", { scope: "col" }, button);
  });
  const inputs = head.map((column) => {
    const input = make("input", { type: "text", autocomplete: "off", spellcheck: false });
    input.setAttribute("aria-label", `Filter of ${column.label}`);
    input.oninput = () => {
      state.page = 0;
      scheduleUpdate();
    };
    return make("th", {}, input);
  });
  document.querySelector("#table thead").append(make("tr", {}, ...names), make("tr", {}, ...inputs));
}

function fillTable() {
  const rows = sortedRows();
  const pages = Math.max(1, Math.ceil(rows.length / ROWS));
  state.page = Math.min(state.page, pages - 1);
  const shown = rows.slice(state.page * ROWS, (state.page + 1) * ROWS);
  document.querySelector("#table tbody").replaceChildren(...shown.map(makeRow));
  byId("page").textContent = `page ${show(state.page + 1)} of ${show(pages)}`;
  byId("previous").disabled = state.page === 0;
  byId("next").disabled = state.page >= pages - 1;
  document.querySelectorAll("#table thead tr:first-child th").forEach((cell, c) => {
    const way = state.sort.column === c ? state.sort.way : 0;
    cell.setAttribute("aria-sort", { 0: "none", 1: "ascending", "-1": "descending" }[way]);
    cell.firstChild.textContent = head[c].label + { 0: "", 1: " ▲", "-1": " ▼" }[way];
  });
}

function makeRow(i) {
  const [, ...others] = head;
  const button = make("button", { type: "button", textContent: trials[i] });
  button.setAttribute("aria-label", `Trial ${trials[i]}`);
  button.onclick = () => choose(i);
  const cells = others.map((column) => {
    const value = column.values[i];
    return make("td", { textContent: show(value), title: value === null ? "" : String(value), className: typeof value === "number" ? "number" : "" });
  });
  const row = make("tr", { className: i === state.chosen ? "chosen" : "" }, make("td", {}, button), ...cells);
  row.dataset.trial = trials[i];
  return row;
}

// The up and down keys go from one trial of the table to the next.
function walk(event) {
  const way = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const row = event.target.closest?.("tbody tr");
  if (!way || !row) return;
  event.preventDefault();
  row[way]?.querySelector("button").focus();
}

// The chosen trial

function choose(i) {
  const hadFocus = document.activeElement?.closest("#table tbody");
  state.chosen = i;
  showDetails();
  for (const id of ["losses", "steps"]) {
    if (!views[id]) continue;
    views[id].data("chosen", points[id].filter((point) => point.i === i));
    views[id].run();
  }
  updateCurves();
  for (const row of document.querySelectorAll("#table tbody tr")) {
    const isChosen = row.dataset.trial === String(trials[i]);
    row.className = isChosen ? "chosen" : "";
    if (isChosen && hadFocus) row.querySelector("button").focus();
  }
}

function showDetails() {
  const i = state.chosen;
  const box = byId("details");
  if (i === null) {
    box.replaceChildren(make("h2", { textContent: "No trial is chosen" }), make("p", { textContent: "Click a point or a trial of the table: its configuration and its commands appear here." }));
    return;
  }
  const line = (name, value) => make("tr", {}, make("th", { scope: "row", textContent: name }), make("td", { textContent: value }));
  const losses = steps.filter((step) => step.status[i]).map((step) => line(step.label, outcome(step, i)));
  const settings = columns.filter((column) => column.values[i] !== null).map((column) => line(column.label, exact(column.values[i])));
  box.replaceChildren(
    make("h2", { textContent: `Trial ${trials[i]}` }),
    make("div", { className: "columns" }, make("table", {}, ...settings), make("table", {}, ...losses)),
    ...commandsOf(i),
  );
}

const exact = (value) => (Number.isInteger(value) ? show(value) : value);

function outcome(step, i) {
  if (step.loss[i] !== null) return `loss ${show(step.loss[i])} (${show(step.epochs[i])} epochs)`;
  return [step.status[i], step.messages[trials[i]]].filter(Boolean).join(": ");
}

let configFile = "my-study.yaml";

function commandsOf(i) {
  const input = make("input", { type: "text", value: configFile, spellcheck: false });
  const made = [];
  const label = make("label", { textContent: "Your config file " }, input);
  const add = (text, path) => {
    const code = make("code", {});
    // Lines end between the words only, not at the hyphens of options.
    const fill = () => {
      const words = ["snakemake", "--cores 1", `results/${content.study}/${path}`, `--configfile ${quote(configFile)}`];
      code.replaceChildren(...words.flatMap((word, w) => [w ? " " : "", make("span", { textContent: word })]));
    };
    fill();
    made.push(fill);
    const copy = make("button", { type: "button", textContent: "Copy" });
    copy.onclick = () => copyText(code, copy);
    return [make("div", { textContent: text }), make("div", { className: "command" }, code, copy)];
  };
  input.oninput = () => {
    configFile = input.value.trim() || "my-study.yaml";
    made.forEach((fill) => fill());
  };
  const trained = steps.filter((step) => step.reproduce !== null && step.status[i]);
  return [
    make("div", { className: "bar" }, label),
    ...add("Export its model; it is retrained first, if it was not:", `export/trial_${trials[i]}_seed_0/model.onnx`),
    ...trained.flatMap((step) => add(`Train it once more and compare (${step.label}):`, `reproduce/${step.reproduce}/trial_${trials[i]}.json`)),
  ];
}

const quote = (name) => (/^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

async function copyText(code, button) {
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected"; // the browser forbids it: the keys for copying do the rest
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

// The start

// `chart` is the one whose axes the choice changes, and whose brush ends by it.
function fillSelect(id, entries, chart) {
  const list = byId(id);
  list.replaceChildren(...entries.map(([key, label]) => make("option", { value: key, textContent: label })));
  list.value = state[id];
  list.onchange = () => {
    state[id] = Number(list.value);
    if (chart) state.brushes[chart] = null;
    drawCharts();
  };
}

function makeChoices() {
  const named = columns.map((column, c) => [c, column.label, column]).filter(([, , column]) => isChartable(column));
  const varied = named.filter(([, , column]) => !isConstant(column));
  const offered = varied.length ? varied : named;
  const sizes = ["n_parameters", "n_operations"];
  const settings = offered.filter(([, , column]) => !sizes.includes(column.name));
  state.against = offered[0][0];
  state.colour = (settings[0] ?? offered[0])[0];
  state.sort = { column: 1 + LAST, way: 1 };
  const allSteps = steps.map((step, s) => [s, step.label]);
  state.step = steps.length > 1 ? ALL : 0;
  fillSelect("step", steps.length > 1 ? [[ALL, "all steps"], ...allSteps] : allSteps, "losses");
  fillSelect("against", offered, "losses");
  fillSelect("colour", offered);
  fillSelect("before", allSteps, "steps");
  fillSelect("after", allSteps, "steps");
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function tellFacts() {
  byId("title").textContent = `Study ${content.study}: all trials`;
  const facts = steps.map((step) => {
    const trained = present(step.status);
    const failed = trained.filter((status) => status !== "ok").length;
    const of = step.reproduce !== null && !step.name.startsWith("rung_") ? ` of ${show(content.n_trials)}` : "";
    return `${capital(step.label)}: ${show(trained.length)}${of} trials trained${failed ? `, ${show(failed)} failed` : ""}.`;
  });
  byId("facts").textContent = `${facts.join(" ")} Written on ${document.lastModified}.`;
  const failed = trials.filter((_, i) => statusOf(i) !== "ok").length;
  byId("note-losses").textContent = failed ? `Failed trials have no loss: ${show(failed)} are in the table only.` : "";
  if (LAST > 0) byId("note-steps").textContent = "Dashed: equal losses. Above it a trial has become worse.";
}

function showAll() {
  document.querySelectorAll("#table thead input").forEach((input) => (input.value = ""));
  Object.assign(state, { chosen: null, page: 0, brushes: { losses: null, steps: null } });
  showDetails();
  drawCharts();
}

function start() {
  tellFacts();
  makeChoices();
  makeHead();
  showDetails();
  byId("clear").onclick = showAll;
  byId("previous").onclick = () => (state.page--, fillTable());
  byId("next").onclick = () => (state.page++, fillTable());
  byId("table").addEventListener("keydown", walk);
  document.addEventListener("pointerdown", () => (dropped = null), { capture: true });
  let wasNarrow = isNarrow();
  window.addEventListener("resize", () => {
    // Vega fits the width itself; heights and legends are others in a narrow window.
    if (wasNarrow !== isNarrow()) drawCharts();
    wasNarrow = isNarrow();
  });
  drawCharts().then(() => document.body.setAttribute("data-ready", "true"));
}

start();
