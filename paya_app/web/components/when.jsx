// A moment, in the reader's own time zone.
import { jsx } from "@emotion/react";

const format = (options) => new Intl.DateTimeFormat("en-US", options);
const day = format({ weekday: "short", month: "short", day: "numeric" });
const year = format({ weekday: "short", month: "short", day: "numeric", year: "numeric" });
const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const month = format({ month: "long", year: "numeric" });

const dayOf = (at) => (at.getFullYear() === new Date().getFullYear() ? day : year).format(at);
const nearDay = (at) => (at.toDateString() === new Date().toDateString() ? "today" : dayOf(at));

const FORMS = {
  full: (at) => `${dayOf(at)} · ${clock.format(at)}`,
  day: nearDay,
  clock: (at) => clock.format(at),
  month: (at) => month.format(at),
  by: (at) => `${dayOf(at)}, by ${clock.format(at)}`,
};

export function When({ at, form = "full", prefix = "", ...rest }) {
  const moment = at ? new Date(at) : null;
  if (!moment || Number.isNaN(moment.getTime())) return null;
  return jsx("time", { ...rest, dateTime: moment.toISOString() }, prefix + FORMS[form](moment));
}
