// Payments and loads, newest first, grouped by the reader's own days.
import { jsx } from "@emotion/react";
import { Link } from "react-router";
import { Globe, Landmark, Lock } from "lucide-react";

const format = (options) => new Intl.DateTimeFormat("en-US", options);
const dayKey = format({ year: "numeric", month: "2-digit", day: "2-digit" });
const dayName = format({ weekday: "long", month: "long", day: "numeric" });
const dayNameYear = format({ month: "long", day: "numeric", year: "numeric" });
const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

const dayTitle = (at) => {
  const today = new Date();
  const yesterday = new Date(today);
  yesterday.setDate(today.getDate() - 1);
  if (dayKey.format(at) === dayKey.format(today)) return "Today";
  if (dayKey.format(at) === dayKey.format(yesterday)) return "Yesterday";
  return (at.getFullYear() === today.getFullYear() ? dayName : dayNameYear).format(at);
};

const SIGNS = { private: [Lock, "Private"], public: [Globe, "Public"] };

function Row({ row }) {
  const [Sign, audience] = SIGNS[row.audience] || [];
  const at = new Date(row.at);
  return jsx(
    Link,
    { to: row.href, className: "row" },
    row.kind === "load"
      ? jsx("span", { className: "av a1", "aria-hidden": true }, jsx(Landmark, { size: 20, strokeWidth: 1.9 }))
      : jsx("span", { className: `av a${row.tone}`, "aria-hidden": true }, row.initials),
    jsx(
      "div",
      { className: "t" },
      jsx("p", {}, row.before && jsx("span", { className: "m" }, row.before + " "), jsx("b", {}, row.who), row.after && jsx("span", { className: "m" }, " " + row.after)),
      jsx("p", { className: "m" }, row.note || "\u00a0"),
    ),
    jsx(
      "span",
      { className: "meta num" },
      jsx("b", { className: row.amount.startsWith("+") ? "text-pos" : "" }, row.amount),
      jsx(
        "span",
        { className: "s m" },
        row.state && jsx("span", {}, row.state + " ·"),
        Sign && jsx(Sign, { size: 14, strokeWidth: 1.9, role: "img", "aria-label": audience }),
        jsx("time", { dateTime: row.at }, clock.format(at)),
      ),
    ),
  );
}

export function ActivityList({ rows, grouped = true }) {
  const groups = [];
  for (const row of rows || []) {
    const title = grouped ? dayTitle(new Date(row.at)) : "";
    if (!groups.length || groups[groups.length - 1].title !== title) groups.push({ title, rows: [] });
    groups[groups.length - 1].rows.push(row);
  }
  return groups.map((group) =>
    jsx(
      "section",
      { key: group.title },
      group.title && jsx("div", { className: "sec" }, jsx("h2", {}, group.title)),
      jsx("div", { className: grouped ? "card" : "" }, group.rows.map((row) => jsx(Row, { key: row.id, row }))),
    ),
  );
}
