// Money over days: what was spent as a stepless line, what it is worth as another, and a range as a band.
// Drawn for eyes; the same figures stand in a table below it, which is what a screen reader is given.
import { useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";

const WIDTH = 560;
const HEIGHT = 250;
const ROOM = { left: 2, right: 8, top: 24, bottom: 26 };
const TICKS = 3;

const dollars = (cents) => new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 }).format(cents / 100);
const exact = (cents) => new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(cents / 100);
const day = (text, year = true) =>
  new Date(`${text}T00:00:00Z`).toLocaleDateString("en-US", { timeZone: "UTC", month: "short", day: "numeric", ...(year && { year: "numeric" }) });

// 1, 2, 2.5 or 5 times a power of ten, so that a few of them reach over the highest
function step(highest) {
  const rough = Math.max(highest, 100) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((times) => times * power).find((size) => size >= rough);
}

export function LabChart({ points, title, worth }) {
  const [at, setAt] = useState(null);
  const svg = useRef(null);
  const [width, setWidth] = useState(WIDTH);
  // drawn in the page's own pixels, so that its letters are as large as others
  useEffect(() => {
    if (!svg.current) return undefined;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(entry.contentRect.width, 200)));
    watch.observe(svg.current);
    return () => watch.disconnect();
  }, []);
  if (!points || points.length < 2) return null;
  const hasRange = points.some((point) => point.high !== point.low);
  const highest = Math.max(...points.flatMap((point) => [point.spent, point.worth, point.high]));
  const size = step(highest);
  const top = size * Math.ceil(Math.max(highest, 1) / size);
  const inner = { width: width - ROOM.left - ROOM.right, height: HEIGHT - ROOM.top - ROOM.bottom };
  const first = Date.parse(points[0].day);
  const span = Date.parse(points[points.length - 1].day) - first || 1;
  const x = (point) => ROOM.left + (inner.width * (Date.parse(point.day) - first)) / span;
  const y = (cents) => ROOM.top + inner.height * (1 - cents / top);
  const line = (name) => points.map((point, number) => `${number ? "L" : "M"}${x(point).toFixed(1)} ${y(point[name]).toFixed(1)}`).join("");
  const band = `${line("high")}${[...points].reverse().map((point) => `L${x(point).toFixed(1)} ${y(point.low).toFixed(1)}`).join("")}Z`;
  const shown = points[at ?? points.length - 1];
  const last = points.length - 1;
  const seek = (event) => {
    const box = svg.current.getBoundingClientRect();
    const wanted = event.clientX - box.left;
    setAt(points.reduce((best, point, number) => (Math.abs(x(point) - wanted) < Math.abs(x(points[best]) - wanted) ? number : best), 0));
  };
  const press = (event) => {
    const to = { ArrowLeft: (at ?? last) - 1, ArrowRight: (at ?? last) + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.min(Math.max(to, 0), last));
  };
  const says = (point) =>
    `${day(point.day)}: spent ${exact(point.spent)}, ` +
    (hasRange ? `worth between ${exact(point.low)} and ${exact(point.high)}, the middle ${exact(point.worth)}` : `worth ${exact(point.worth)}`);
  const key = (className, style, label, value) =>
    jsx("span", { className: "flex items-center gap-2" }, jsx("span", { className, style, "aria-hidden": true }), jsx("span", { className: "m" }, label), jsx("b", { className: "num" }, value));
  const swatch = { width: 16, height: 0, borderTopWidth: 3 };
  return jsx(
    "figure",
    { className: "px-4 sm:px-6 pb-2" },
    jsx(
      "div",
      { className: "s flex flex-wrap gap-x-5 gap-y-1 mb-1", style: { minHeight: 40 } },
      jsx("span", { className: "m num w-full" }, `At the end of ${day(shown.day)}`),
      key("", { ...swatch, borderTopStyle: "dashed", borderColor: "var(--muted)" }, "Spent", dollars(shown.spent)),
      key("", { ...swatch, borderTopStyle: "solid", borderColor: "var(--brand)" }, worth, dollars(shown.worth)),
      hasRange && key("", { width: 16, height: 12, background: "var(--brand-soft)", border: "1px solid var(--brand)" }, "Eight in ten", `${dollars(shown.low)} to ${dollars(shown.high)}`),
    ),
    jsx(
      "div",
      {
        role: "slider", tabIndex: 0, "aria-label": title, "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": at ?? last,
        "aria-valuetext": says(shown), onKeyDown: press, className: "rounded-xl", style: { touchAction: "pan-y" },
      },
      jsx(
        "svg",
        {
          ref: svg, viewBox: `0 0 ${width} ${HEIGHT}`, width: "100%", height: HEIGHT, "aria-hidden": true, style: { display: "block", overflow: "visible" },
          onPointerMove: seek, onPointerDown: seek, onPointerLeave: () => setAt(null),
        },
        Array.from({ length: Math.round(top / size) + 1 }, (_, number) => number * size).map((cents) =>
          jsx(
            "g",
            { key: cents },
            jsx("line", { x1: ROOM.left, x2: width - ROOM.right, y1: y(cents), y2: y(cents), stroke: "var(--line)", strokeWidth: 1 }),
            cents > 0 && jsx("text", { x: ROOM.left, y: y(cents) - 5, fill: "var(--muted)", fontSize: 12, className: "num" }, dollars(cents)),
          ),
        ),
        hasRange && jsx("path", { d: band, fill: "var(--brand)", fillOpacity: 0.16 }),
        jsx("path", { d: line("spent"), fill: "none", stroke: "var(--muted)", strokeWidth: 2, strokeDasharray: "6 5" }),
        jsx("path", { d: line("worth"), fill: "none", stroke: "var(--brand)", strokeWidth: 3, strokeLinejoin: "round" }),
        at !== null &&
          jsx(
            "g",
            {},
            jsx("line", { x1: x(shown), x2: x(shown), y1: ROOM.top, y2: HEIGHT - ROOM.bottom, stroke: "var(--edge)", strokeWidth: 1 }),
            jsx("circle", { cx: x(shown), cy: y(shown.worth), r: 5, fill: "var(--brand)", stroke: "var(--card)", strokeWidth: 2 }),
          ),
        jsx("text", { x: ROOM.left, y: HEIGHT - 6, fill: "var(--muted)", fontSize: 12, className: "num" }, day(points[0].day)),
        jsx("text", { x: width - ROOM.right, y: HEIGHT - 6, textAnchor: "end", fill: "var(--muted)", fontSize: 12, className: "num" }, day(points[last].day)),
      ),
    ),
    jsx(
      "details",
      { className: "mt-1" },
      jsx("summary", { className: "link s", style: { minHeight: 44, display: "flex", alignItems: "center", cursor: "pointer" } }, "The figures as a table"),
      jsx(
        "div",
        { style: { overflowX: "auto", maxHeight: 320 }, tabIndex: 0, role: "region", "aria-label": `${title}, as a table` },
        jsx(
          "table",
          { className: "s num w-full text-right mb-3" },
          jsx("thead", { className: "m" },
            jsx("tr", {}, ["Until", "Spent", ...(hasRange ? ["Low", "Middle", "High"] : ["Worth"])].map((name, number) =>
              jsx("th", { key: name, scope: "col", className: number ? "font-medium py-1 pl-3" : "font-medium py-1 text-left" }, name)))),
          jsx("tbody", {}, points.map((point) =>
            jsx("tr", { key: point.day },
              jsx("th", { scope: "row", className: "text-left font-normal py-1 whitespace-nowrap" }, day(point.day)),
              [point.spent, ...(hasRange ? [point.low, point.worth, point.high] : [point.worth])].map((cents, number) =>
                jsx("td", { key: number, className: "py-1 pl-3" }, exact(cents)))))),
        ),
      ),
    ),
  );
}
