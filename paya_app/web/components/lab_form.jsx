// What is to be tried: a plan, and how far to look. Every choice paints at once; the server reads it again.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { ChevronDown, CircleAlert } from "lucide-react";
import { full, isPositive } from "$/public/external/paya_app/web/components/keypad/keypad.jsx";
import { ignoreHeld } from "$/public/external/paya_app/web/components/settling/settling.jsx";
import {
  COMMON,
  Choice,
  DAYS,
  FREQUENCIES,
  Field,
  Part,
  Pick,
  plain,
  zoneHere,
} from "$/public/external/paya_app/web/components/plan_form/plan_form.jsx";

const BACK = [["91", "3 months"], ["182", "6 months"], ["365", "1 year"], ["730", "2 years"]];
const AHEAD = [["182", "6 months"], ["365", "1 year"], ["730", "2 years"], ["1826", "5 years"]];
const SPANS = "seg many grid-cols-4";
const PRESET = {
  amount: "25", frequency: "weekly", weekdays: "5", month_day: "1", time: "09:00", below: "", dip_percent: "", dip_extra: "",
  cap: "", back_days: "365", ahead_days: "365",
};
const CONDITIONS = ["below", "dip_percent", "dip_extra", "cap"];
const filled = (given) => Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== ""));

export function LabForm({ initial, fault, busy, onTry }) {
  const [order, setOrder] = useState(() => ({ ...PRESET, zone: zoneHere(), ...filled(initial) }));
  const [isOpen, setOpen] = useState(false);
  const given = JSON.stringify(initial ?? {});
  // one of one's own plans was chosen: it is filled in
  useEffect(() => {
    const values = filled(JSON.parse(given));
    if (!Object.keys(values).length) return;
    setOrder((old) => ({ ...PRESET, zone: old.zone, back_days: old.back_days, ahead_days: old.ahead_days, ...values }));
    setOpen((was) => was || CONDITIONS.some((name) => values[name]));
  }, [given]);
  const set = (name) => (value) => setOrder((old) => ({ ...old, [name]: value }));
  const typed = (name) => ({ id: `lab-${name}`, value: order[name], onChange: (event) => set(name)(event.target.value) });
  const { frequency } = order;
  const amount = plain(order.amount);
  const days = order.weekdays.split(",").filter(Boolean);
  const daysChosen = frequency === "biweekly" ? days.slice(0, 1) : days;
  const ask = (event) => {
    event.preventDefault();
    if (!busy) onTry?.({ ...order, amount, weekdays: daysChosen.join(",") });
  };
  return jsx(
    "form",
    { onSubmit: ask, noValidate: true, "aria-label": "What to try", id: "lab-form" },
    jsx(
      "div",
      { className: "card p-4 sm:p-6" },
      jsx(
        "div",
        { className: "grid grid-cols-4 gap-2", role: "group", "aria-label": "Common amounts" },
        COMMON.map((dollars) =>
          jsx("button", { key: dollars, type: "button", className: "pick num", "aria-pressed": order.amount === dollars, onClick: () => set("amount")(dollars) }, "$" + dollars),
        ),
      ),
      jsx("div", { className: "mt-3" }, jsx(Field, { ...typed("amount"), label: "Each time, in dollars", inputMode: "decimal" })),
      jsx(
        Part,
        { title: "How often" },
        jsx(Choice, { label: "How often", className: "seg many grid-cols-3", chosen: [frequency], choices: FREQUENCIES, onChoose: set("frequency") }),
      ),
      (frequency === "weekly" || frequency === "biweekly") &&
        jsx(
          Part,
          { title: "On" },
          jsx(Choice, {
            label: "Day of the week",
            className: "seg many grid-cols-7",
            chosen: daysChosen,
            choices: DAYS.map((name, at) => [String(at + 1), name.slice(0, 2), name]),
            onChoose: set("weekdays"),
          }),
        ),
      frequency === "monthly" &&
        jsx(
          "div",
          { className: "mt-5" },
          jsx(Pick, {
            id: "lab-month-day",
            label: "Day of the month",
            value: order.month_day,
            onChange: set("month_day"),
            choices: [...Array.from({ length: 31 }, (_, at) => [String(at + 1), String(at + 1)]), ["-1", "The last day"]],
          }),
        ),
      jsx(Part, { title: "Look back" }, jsx(Choice, { label: "Look back", className: SPANS, chosen: [order.back_days], choices: BACK, onChoose: set("back_days") })),
      jsx(Part, { title: "Look ahead" }, jsx(Choice, { label: "Look ahead", className: SPANS, chosen: [order.ahead_days], choices: AHEAD, onChoose: set("ahead_days") })),
    ),
    jsx(
      "div",
      { className: "card mt-3" },
      jsx(
        "button",
        { type: "button", className: "row w-full font-semibold", "aria-expanded": isOpen, "aria-controls": "lab-more", onClick: () => setOpen(!isOpen) },
        jsx("span", { className: "t" }, "Conditions"),
        jsx(ChevronDown, { size: 20, className: "m" + (isOpen ? " rotate-180" : ""), "aria-hidden": true }),
      ),
      isOpen &&
        jsx(
          "div",
          { id: "lab-more", className: "grid gap-4 p-4 pt-0 sm:px-6 sm:pb-6" },
          jsx(Field, { ...typed("below"), label: "Buy only below", inputMode: "decimal", placeholder: "$ per bitcoin" }),
          jsx(
            "div",
            { className: "grid grid-cols-2 gap-x-3" },
            jsx(Field, { ...typed("dip_percent"), label: "On a dip of", inputMode: "decimal", placeholder: "%" }),
            jsx(Field, { ...typed("dip_extra"), label: "Buy more for", inputMode: "decimal", placeholder: "$" }),
          ),
          jsx(Field, { ...typed("cap"), label: "Spend at most, in all", inputMode: "decimal", placeholder: "$" }),
        ),
    ),
    jsx(
      "div",
      { className: "mt-4" },
      jsx(
        "div",
        { role: "alert" },
        fault && jsx("p", { className: "fault mb-3" }, jsx(CircleAlert, { size: 16, "aria-hidden": true }), jsx("span", {}, fault)),
      ),
      jsx(
        "button",
        { type: "submit", id: "try", className: "pri num", disabled: !isPositive(amount), "aria-disabled": busy, onKeyDown: ignoreHeld },
        busy ? "Trying …" : isPositive(amount) ? `Try ${full(amount)}` : "Choose an amount",
      ),
    ),
  );
}
