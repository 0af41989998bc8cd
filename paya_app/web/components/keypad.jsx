// An amount typed key by key in the browser: a key paints at once, however slow the network is.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";
import { CircleAlert, Delete } from "lucide-react";

const DOLLAR_DIGITS_MAX = 6;

const press = (amount, key) => {
  if (key === "del") return amount.slice(0, -1);
  const [dollars, cents] = amount.split(".");
  if (key === ".") return cents === undefined ? (dollars || "0") + "." : amount;
  if (cents !== undefined) return cents.length < 2 ? amount + key : amount;
  if (dollars === "0") return key;
  return dollars.length < DOLLAR_DIGITS_MAX ? amount + key : amount;
};

const grouped = (dollars) => (dollars || "0").replace(/\B(?=(\d{3})+$)/g, ",");

export const isPositive = (amount) => /[1-9]/.test(amount);
export const full = (amount) => {
  const [dollars, cents = ""] = amount.split(".");
  return `$${grouped(dollars)}.${cents.padEnd(2, "0")}`;
};
export const centsOf = (amount) => Number(full(amount).replace(/[$,.]/g, ""));
export const dollarsOf = (cents) => full(`${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`);
export const clean = (amount) =>
  /^(\d{1,6}(\.\d{0,2})?|\.\d{1,2})$/.test(amount || "") ? amount.replace(/^0+(?=\d)/, "").replace(/^\./, "0.") : "";

// The amount as text, its setter by key, and its plain setter. Digits typed anywhere but in a field count too.
export function useAmount(initial) {
  const [amount, setAmount] = useState(initial);
  const onKey = (key) => setAmount((old) => press(old, key));
  useEffect(() => {
    const typed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target.closest?.("input, textarea, [role=dialog]")) return;
      const key = event.key === "Backspace" ? "del" : event.key;
      if (!/^([0-9.]|del)$/.test(key)) return;
      event.preventDefault();
      onKey(key);
    };
    window.addEventListener("keydown", typed);
    return () => window.removeEventListener("keydown", typed);
  }, []);
  return [amount, onKey, setAmount];
}

export function Sum({ amount, id }) {
  const [dollars, cents] = amount.split(".");
  return jsx(
    "p",
    { className: "sum" + (amount.length > 6 ? " long" : ""), id, "aria-live": "polite", "aria-atomic": true },
    jsx("span", { className: isPositive(amount) ? "" : "m" }, "$" + grouped(dollars)),
    cents !== undefined && jsx("span", { className: "m" }, "." + cents),
  );
}

// The line under the amount; what went wrong, and what is wrong with the amount, take its place.
export function Under({ fault, warning, children }) {
  const line = (tone, text) =>
    jsx(
      "p",
      { className: `s num flex justify-center gap-2 font-semibold ${tone}` },
      jsx(CircleAlert, { size: 16, className: "shrink-0 mt-px", "aria-hidden": true }),
      jsx("span", {}, text),
    );
  return jsx(
    "div",
    { className: "mb-3 text-center" },
    jsx("div", { role: "alert" }, fault && line("text-neg", fault)),
    jsx("div", { role: "status" }, warning && line("text-warn", warning)),
    !fault && !warning && jsx("p", { className: "s m num" }, children),
  );
}

export function Keys({ onKey, disabled = false }) {
  const key = (value, shown, label) =>
    jsx("button", { key: value, type: "button", disabled, "aria-label": label, "data-key": value, onClick: () => onKey(value) }, shown);
  return jsx(
    "div",
    { className: "keys", role: "group", "aria-label": "Amount" },
    [..."123456789"].map((digit) => key(digit, digit, digit)),
    key(".", ".", "Point"),
    key("0", "0", "0"),
    key("del", jsx(Delete, { size: 26, strokeWidth: 1.9, "aria-hidden": true }), "Delete"),
  );
}
