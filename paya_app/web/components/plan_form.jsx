// A savings plan being written: every choice paints at once, however slow the network is; the server reads it again.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { ChevronDown, CircleAlert } from "lucide-react";
import { Sum, clean, full, isPositive } from "$/public/external/paya_app/web/components/keypad/keypad.jsx";
import { ignoreHeld } from "$/public/external/paya_app/web/components/settling/settling.jsx";

export const COMMON = ["10", "25", "50", "100"];
export const FREQUENCIES = [
  ["weekly", "Every week"],
  ["biweekly", "Every 2 weeks"],
  ["monthly", "Every month"],
  ["daily", "Every day"],
  ["weekdays", "Mon to Fri"],
  ["hourly", "Every hour"],
];
const OFTEN = {
  weekly: "a week",
  biweekly: "every 2 weeks",
  monthly: "a month",
  daily: "a day",
  weekdays: "each weekday",
  hourly: "an hour",
};
export const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const PRESET = {
  amount: "",
  frequency: "weekly",
  weekdays: "5",
  month_day: "1",
  time: "09:00",
  name: "",
  below: "",
  dip_percent: "",
  dip_extra: "",
  cap: "",
  ends_on: "",
  on_shortfall: "skip",
  catch_up: "one",
  source: "",
  lead: "",
};
const LEAD_MAX = 10;
const FOLDED = ["name", "below", "dip_percent", "dip_extra", "cap", "ends_on"];

export const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const zones = (chosen) => [...new Set([chosen, zoneHere(), "UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];
const filled = (given) => Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== ""));
// the name gives way to the digits: where the room is short, a bank is told apart by them
const digitsFirst = (name) => name.split("\u00a0").reverse().join(" ");
const daysBefore = (days) => `${days} business day${days === 1 ? "" : "s"} before`;
export const plain = (text) => clean(text.replace(/[$,\s]/g, ""));

// What people write for a time of day: 9, 9:30, 930, 0930, 9.30, 9 am, 9:30pm.
export function timeOf(text) {
  const found = /^\s*(\d{1,2})(?:\s*[:.h]?\s*(\d{2}))?\s*(?:([ap])\.?\s?m\.?)?\s*$/i.exec(text);
  if (!found) return text;
  const half = found[3]?.toLowerCase();
  const hour = Number(found[1]);
  if (half && (hour < 1 || hour > 12)) return text;
  return `${String(half ? (hour % 12) + (half === "p" ? 12 : 0) : hour).padStart(2, "0")}:${found[2] ?? "00"}`;
}

export function Choice({ label, chosen, choices, onChoose, className = "seg" }) {
  return jsx(
    "div",
    { className, role: "group", "aria-label": label },
    choices.map(([value, shown, name]) =>
      jsx(
        "button",
        { key: value, type: "button", "aria-label": name, "aria-pressed": chosen.includes(value), onClick: () => onChoose(value) },
        shown,
      ),
    ),
  );
}

export function Part({ title, hint, children }) {
  return jsx(
    "div",
    { className: "mt-5" },
    jsx("p", { className: "label", "aria-hidden": true }, title),
    children,
    hint && jsx("p", { className: "hint" }, hint),
  );
}

export function Pick({ id, label, value, choices, onChange }) {
  return jsx(
    "div",
    { className: "min-w-0" },
    jsx("label", { className: "label", htmlFor: id }, label),
    jsx(
      "div",
      { className: "relative" },
      jsx(
        "select",
        { id, className: "field appearance-none pr-10! truncate", value, onChange: (event) => onChange(event.target.value) },
        choices.map(([key, shown]) => jsx("option", { key, value: key }, shown)),
      ),
      jsx(ChevronDown, { size: 20, className: "absolute right-3 top-4 m pointer-events-none", "aria-hidden": true }),
    ),
  );
}

export function Field({ id, label, hint, ...props }) {
  return jsx(
    "div",
    { className: "min-w-0" },
    jsx("label", { className: "label", htmlFor: id }, label),
    jsx("input", { id, className: "field num", autoComplete: "off", spellCheck: false, "aria-describedby": hint && `${id}-hint`, ...props }),
    hint && jsx("p", { className: "hint", id: `${id}-hint` }, hint),
  );
}

export function PlanForm({ initial, banks, lead, hint, fault, verb, settled, onReview }) {
  const [order, setOrder] = useState(() => ({ ...PRESET, zone: zoneHere(), ...filled(initial) }));
  const [isOpen, setOpen] = useState(() => FOLDED.some((name) => filled(initial)[name]));
  const [minute, setMinute] = useState(() => order.time.slice(-2));
  // several days were chosen, and not by the preset
  const [hasChosenDay, setChosenDay] = useState(() => order.weekdays.includes(","));
  const [isAnother, setAnother] = useState(() => order.amount !== "" && !COMMON.includes(order.amount));
  const [isAsking, setAsking] = useState(false);
  useEffect(() => setAsking(false), [settled]);
  const set = (name) => (value) => setOrder((old) => ({ ...old, [name]: value }));
  const typed = (name) => ({ id: `plan-${name}`, value: order[name], onChange: (event) => set(name)(event.target.value) });
  const { frequency } = order;
  // a bank cannot be asked every hour, and one that is gone pays nothing
  const canBank = frequency !== "hourly" && banks.length > 0;
  const source = canBank && banks.some((bank) => bank.id === order.source) ? order.source : "";
  const leadDays = Number(order.lead) || lead;
  const shortfall = !source && order.on_shortfall === "use_wallet" ? "skip" : order.on_shortfall;
  const shortTitle = source ? "When your bank's money is late" : "When your wallet holds too little";
  const amount = plain(order.amount);
  const days = order.weekdays.split(",").filter(Boolean);
  const daysChosen = frequency === "biweekly" ? days.slice(0, 1) : days;
  // the preset gives way to the first day that is chosen; further ones come beside it
  const chooseDay = (day) => {
    const isOne = frequency === "biweekly" || !hasChosenDay;
    const rest = days.filter((one) => one !== day);
    const next = isOne ? [day] : days.includes(day) ? rest : [...days, day];
    setChosenDay(true);
    if (next.length) set("weekdays")(next.sort().join(","));
  };
  const review = (event) => {
    event.preventDefault();
    if (isAsking) return;
    setAsking(true);
    const isHourly = frequency === "hourly";
    const time = isHourly ? `00:${minute.trim().padStart(2, "0")}` : timeOf(order.time);
    if (!isHourly) set("time")(time);
    onReview?.({
      ...order,
      amount,
      time,
      weekdays: daysChosen.join(","),
      source,
      lead: source ? String(leadDays) : "",
      on_shortfall: shortfall,
    });
  };
  // of a week with several days the amount is that of each
  const often = frequency === "weekly" && days.length > 1 ? "on each day" : OFTEN[frequency];

  return jsx(
    "form",
    { onSubmit: review, noValidate: true, "aria-label": "The plan", id: "plan-form" },
    jsx(
      "div",
      { className: "card p-4 sm:p-6" },
      jsx(Sum, { amount, id: "plan-sum" }),
      jsx("p", { className: "s m num text-center mb-4" }, hint),
      jsx(
        "div",
        { className: "grid grid-cols-4 gap-2", role: "group", "aria-label": "Common amounts" },
        COMMON.map((dollars) =>
          jsx(
            "button",
            {
              key: dollars,
              type: "button",
              className: "pick num",
              "aria-pressed": !isAnother && order.amount === dollars,
              onClick: () => {
                setAnother(false);
                set("amount")(dollars);
              },
            },
            "$" + dollars,
          ),
        ),
      ),
      jsx(
        "div",
        { className: "mt-3" },
        jsx(Field, {
          id: "plan-amount",
          label: "Another amount",
          inputMode: "decimal",
          placeholder: "$",
          value: isAnother ? order.amount : "",
          onChange: (event) => {
            setAnother(true);
            set("amount")(event.target.value);
          },
        }),
      ),
    ),
    jsx(
      "div",
      { className: "card p-4 sm:p-6 mt-3" },
      jsx("p", { className: "label", "aria-hidden": true }, "How often"),
      jsx(Choice, {
        label: "How often",
        className: "seg many grid-cols-3",
        chosen: [frequency],
        choices: FREQUENCIES,
        onChoose: set("frequency"),
      }),
      (frequency === "weekly" || frequency === "biweekly") &&
        jsx(
          Part,
          { title: "On", hint: frequency === "weekly" && hasChosenDay && "Tap more days to buy on each of them." },
          jsx(Choice, {
            label: "Day of the week",
            className: "seg many grid-cols-7",
            chosen: daysChosen,
            choices: DAYS.map((name, at) => [String(at + 1), name.slice(0, 2), name]),
            onChoose: chooseDay,
          }),
        ),
      jsx(
        "div",
        { className: "grid gap-3 mt-5 grid-cols-[minmax(0,1fr)_minmax(0,2fr)]" },
        frequency === "monthly" &&
          jsx(
            "div",
            { className: "col-span-2" },
            jsx(Pick, {
              id: "plan-month-day",
              label: "Day of the month",
              value: order.month_day,
              onChange: set("month_day"),
              choices: [...Array.from({ length: 31 }, (_, at) => [String(at + 1), String(at + 1)]), ["-1", "The last day"]],
            }),
            Number(order.month_day) > 28 && jsx("p", { className: "hint" }, "In a shorter month, on its last day."),
          ),
        jsx(Field, {
          ...typed("time"),
          label: frequency === "hourly" ? "At minute" : "At",
          inputMode: "numeric",
          value: frequency === "hourly" ? minute : order.time,
          onChange: (event) => (frequency === "hourly" ? setMinute : set("time"))(event.target.value),
          onBlur: () => frequency !== "hourly" && set("time")(timeOf(order.time)),
        }),
        jsx(Pick, {
          id: "plan-zone",
          label: "Time zone",
          value: order.zone,
          onChange: set("zone"),
          choices: zones(order.zone).map((zone) => [zone, zone.replaceAll("_", " ")]),
        }),
      ),
    ),
    canBank &&
      jsx(
        "div",
        { className: "card p-4 sm:p-6 mt-3 grid gap-4" },
        jsx(Pick, {
          id: "plan-source",
          label: "Paid from",
          value: source,
          onChange: set("source"),
          choices: [["", "Your wallet"], ...banks.map((bank) => [bank.id, digitsFirst(bank.name)])],
        }),
        source &&
          jsx(
            "div",
            {},
            jsx(Pick, {
              id: "plan-lead",
              label: "Your bank is asked",
              value: String(leadDays),
              onChange: set("lead"),
              choices: Array.from({ length: LEAD_MAX }, (_, at) => at + 1)
                .filter((days) => days >= Math.min(lead, leadDays))
                .map((days) => [String(days), daysBefore(days)]),
            }),
            jsx("p", { className: "hint" }, "The money leaves your bank then, waits in your wallet, and pays the buy."),
          ),
      ),
    jsx(
      "div",
      { className: "card mt-3" },
      jsx(
        "button",
        { type: "button", className: "row w-full font-semibold", "aria-expanded": isOpen, "aria-controls": "plan-more", onClick: () => setOpen(!isOpen) },
        jsx("span", { className: "t" }, "More options"),
        jsx(ChevronDown, { size: 20, className: "m" + (isOpen ? " rotate-180" : ""), "aria-hidden": true }),
      ),
      isOpen &&
        jsx(
          "div",
          { id: "plan-more", className: "grid gap-4 p-4 pt-0 sm:px-6 sm:pb-6" },
          jsx(Field, { ...typed("name"), label: "Name", maxLength: 40, placeholder: "Named by its days" }),
          jsx(Field, { ...typed("below"), label: "Buy only below", inputMode: "decimal", placeholder: "$ per bitcoin", hint: "Above this price a buy is skipped." }),
          jsx(
            "div",
            { className: "grid grid-cols-2 gap-x-3" },
            jsx(Field, { ...typed("dip_percent"), label: "On a dip of", inputMode: "decimal", placeholder: "%" }),
            jsx(Field, { ...typed("dip_extra"), label: "Buy more for", inputMode: "decimal", placeholder: "$" }),
            jsx("p", { className: "hint col-span-2" }, "A dip: the price is that far below its highest of 24 hours."),
          ),
          jsx(Field, { ...typed("cap"), label: "Spend at most, in all", inputMode: "decimal", placeholder: "$", hint: "The plan ends when the next buy no longer fits." }),
          jsx(Field, { ...typed("ends_on"), label: "Last day", placeholder: "2027-11-30", hint: "Without one it goes on until you end it." }),
          jsx(
            "div",
            {},
            jsx("p", { className: "label", "aria-hidden": true }, shortTitle),
            jsx(Choice, {
              label: shortTitle,
              chosen: [shortfall],
              choices: [
                ["skip", source ? "Skip it" : "Skip that buy"],
                ["retry", "Try for a day"],
                ...(source ? [["use_wallet", "Wallet pays"]] : []),
              ],
              onChoose: set("on_shortfall"),
            }),
            source &&
              jsx(
                "p",
                { className: "hint" },
                {
                  skip: "Nothing is bought that time; what comes later stays in your wallet.",
                  retry: "It is tried every hour for a day, then skipped.",
                  use_wallet: "What is in your wallet pays in its place.",
                }[shortfall],
              ),
          ),
          jsx(
            "div",
            {},
            jsx("p", { className: "label", "aria-hidden": true }, "After an outage of ours"),
            jsx(Choice, {
              label: "After an outage of ours",
              chosen: [order.catch_up],
              choices: [
                ["one", "One buy for all"],
                ["skip", "Skip missed ones"],
              ],
              onChoose: set("catch_up"),
            }),
          ),
        ),
    ),
    jsx(
      "div",
      { className: "stick" },
      jsx(
        "div",
        { role: "alert" },
        fault && jsx("p", { className: "fault mb-3" }, jsx(CircleAlert, { size: 16, "aria-hidden": true }), jsx("span", {}, fault)),
      ),
      jsx(
        "button",
        {
          type: "submit",
          id: "review",
          className: "pri num",
          disabled: !isPositive(amount),
          "aria-disabled": isAsking,
          "aria-busy": isAsking,
          onKeyDown: ignoreHeld,
        },
        jsx(
          "span",
          { "aria-live": "polite" },
          isAsking ? "Checking …" : isPositive(amount) ? verb || `Review ${full(amount)} ${often}` : "Choose an amount",
        ),
      ),
    ),
  );
}
