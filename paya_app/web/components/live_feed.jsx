// The public feed, live: rows by HTTP, then a private realtime channel that anybody may read. What the channel says
// is a hint; the newest page is fetched again whenever something may have been missed.
import { useCallback, useEffect, useLayoutEffect, useReducer, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { Link } from "react-router";

const ROWS_MAX = 500; // a page open for long starts over instead of growing for ever
const AGE_MS = 15_000;
const STALE_AFTER_MS = 2_000;
const POLL_STALE_MS = 15_000;
const SAY_EVERY_MS = 10_000;
const MOVE_MS = 180;
const BONES = 4;
const ANSWER_MS = 10_000;
const RETRY_MS = [300, 700, 1500, 3000];

// ---------------------------------------------------------------- rows: the highest version of each is true

const start = { phase: "loading", known: new Map(), cursor: null, asOf: null, news: 0, latest: null };

const newestFirst = (a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.id < b.id ? 1 : -1);

const shownRows = (known) => [...known.values()].flatMap((k) => (k.row ? [k.row] : [])).sort(newestFirst);

const isRow = (row) => Boolean(row && row.id && row.version > 0 && row.sender && row.recipient && row.at);

function put(known, row, heardAt) {
  const before = known.get(row.id);
  if (before && before.version >= row.version) return false;
  known.set(row.id, { version: row.version, row, heardAt });
  return !before;
}

function withNewestPage(state, page, askedAt) {
  const known = new Map(state.known);
  const answered = new Set(page.data.map((row) => row.id));
  const last = page.has_more ? Date.parse(page.data[page.data.length - 1].at) : -Infinity;
  for (const [id, k] of known) {
    // what the page should hold and does not was hidden meanwhile; what was heard since it was asked for stays
    if (k.row && !answered.has(id) && Date.parse(k.row.at) > last && k.heardAt < askedAt) known.delete(id);
  }
  const isOverlapping = page.data.some((row) => state.known.has(row.id));
  page.data.filter(isRow).forEach((row) => put(known, row, askedAt));
  const isAnew = state.phase !== "ready" || known.size > ROWS_MAX || !isOverlapping;
  if (!isAnew) return { ...state, known, asOf: Date.now() };
  const fresh = new Map([...known].filter(([id, k]) => answered.has(id) || k.heardAt >= askedAt || !k.row));
  return { ...state, phase: "ready", known: fresh, cursor: page.next_cursor, asOf: Date.now() };
}

function reduce(state, action) {
  switch (action.kind) {
    case "newest":
      return withNewestPage(state, action.page, action.askedAt);
    case "older": {
      const known = new Map(state.known);
      action.page.data.filter(isRow).forEach((row) => put(known, row, Date.now()));
      return { ...state, known, cursor: action.page.next_cursor };
    }
    case "heard": {
      const known = new Map(state.known);
      const fresh = action.shown.filter(isRow).filter((row) => put(known, row, Date.now()));
      for (const gone of action.hidden) {
        const before = known.get(gone.id);
        if (!before || before.version < gone.version) {
          known.set(gone.id, { version: gone.version, row: null, heardAt: Date.now() });
        }
      }
      const latest = fresh.length ? { count: fresh.length, row: fresh[fresh.length - 1] } : state.latest;
      return { ...state, known, asOf: Date.now(), news: state.news + fresh.length, latest };
    }
    case "failed":
      return state.phase === "ready" ? state : { ...state, phase: "error" };
    case "again":
      return { ...state, phase: "loading" };
    default:
      return state;
  }
}

// ---------------------------------------------------------------- words

const clock = new Intl.DateTimeFormat("en-US", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "short" });

function ageOf(at, now) {
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return [jsx("span", { key: "just", className: "max-sm:hidden" }, "just "), "now"];
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h`;
  if (minutes < 7 * 24 * 60) return `${Math.floor(minutes / 1440)} d`;
  return day.format(at);
}

const LETTER = /[\p{L}\p{N}]/u;

function initialsOf(name) {
  const words = name.split(/\s+/).filter((word) => LETTER.test(word));
  const chosen = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return chosen.map((word) => word.match(LETTER)[0]).join("").toUpperCase() || "?";
}

const toneOf = (handle) => ([...new TextEncoder().encode(handle)].reduce((sum, byte) => sum + byte, 0) % 5) + 1;

// ---------------------------------------------------------------- parts

const ask = async (address) => {
  const headers = { accept: "application/json" };
  const answer = await fetch(address, { headers, cache: "no-cache", signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new Error(`the feed answered ${answer.status}`);
  return answer.json();
};

const isCalm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// Names and notes are other people's text: each in its own direction, none of it markup.
const foreign = (text) => jsx("bdi", {}, text);

// The padding makes a line of text a target for fingers without moving anything.
const person = (who) =>
  jsx(
    Link,
    {
      to: `/u/${who.handle}/`,
      className: "min-w-11 min-[480px]:truncate py-2.5 -my-2.5 text-ink hover:underline underline-offset-4",
    },
    jsx("b", {}, foreign(who.name)),
  );

const isDemo = (row) => row.sender.demo || row.recipient.demo;

const demoWords = ({ sender, recipient }) =>
  sender.demo && recipient.demo ? "Both are demo people" : `${(sender.demo ? sender : recipient).name} is a demo person`;

function Row({ row, now }) {
  const at = Date.parse(row.at);
  return jsx(
    "li",
    { className: "row", "data-id": row.id },
    jsx(
      "span",
      { className: `av a${toneOf(row.sender.handle)} self-start mt-1`, "aria-hidden": true },
      initialsOf(row.sender.name),
    ),
    jsx(
      "div",
      { className: "t feed-row" },
      jsx(
        "div",
        { className: "who" },
        person(row.sender),
        jsx("span", { className: "m whitespace-pre shrink-0" }, " paid "),
        person(row.recipient),
      ),
      jsx(
        "span",
        { className: "at s m" },
        isDemo(row) && jsx("span", { className: "demo", title: demoWords(row) }, jsx("span", { "aria-hidden": true }, "demo"), jsx("span", { className: "sr-only" }, demoWords(row))),
        jsx("time", { className: "num", dateTime: row.at, title: full.format(at) }, ageOf(at, now)),
      ),
      jsx("p", { className: "m note" }, row.note ? foreign(row.note) : "\u00a0"),
    ),
  );
}

const bone = (width, height, more = "") => jsx("span", { className: `bone ${more}`, style: { width, height } });

const boneRow = (key) =>
  jsx(
    "div",
    { key, className: "row min-h-[73px]" },
    bone("40px", "40px", "rounded-full! shrink-0"),
    jsx("div", { className: "t" }, bone("58%", "16px"), bone("38%", "14px", "mt-2")),
    bone("44px", "14px"),
  );

function Notice({ text, children }) {
  return jsx(
    "div",
    { className: "min-h-[292px] px-6 py-10 grid justify-items-center content-center gap-4 text-center" },
    jsx("p", { className: "m max-w-[38ch]" }, text),
    children,
  );
}

// ---------------------------------------------------------------- following

function useFeed(source, count) {
  const [state, dispatch] = useReducer(reduce, start);
  const [isLive, setLive] = useState(false);
  const [where, setWhere] = useState(""); // where the channel is, as the newest answer says: url, key and topic

  const newest = useCallback(async () => {
    const askedAt = Date.now();
    const page = await ask(`${source}?limit=${count}`);
    setWhere(JSON.stringify(page.realtime));
    dispatch({ kind: "newest", page, askedAt });
  }, [source, count]);

  const older = useCallback(async () => {
    const query = new URLSearchParams({ limit: count, cursor: state.cursor });
    dispatch({ kind: "older", page: await ask(`${source}?${query}`) });
  }, [source, count, state.cursor]);

  const [attempt, setAttempt] = useState(0);
  const retry = useCallback(() => {
    dispatch({ kind: "again" });
    setAttempt((n) => n + 1);
  }, []);

  const refresh = useCallback(() => newest().catch(() => dispatch({ kind: "failed" })), [newest]);

  // The rows: asked for until they are there, and again whenever the reader comes back.
  useEffect(() => {
    let isGone = false;
    let timer = 0;
    const begin = () =>
      newest().catch(() => {
        if (isGone) return;
        dispatch({ kind: "failed" });
        timer = setTimeout(begin, RETRY_MS[RETRY_MS.length - 1]);
      });
    begin();
    const look = () => document.visibilityState === "visible" && refresh();
    document.addEventListener("visibilitychange", look);
    window.addEventListener("online", look);
    return () => {
      isGone = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("online", look);
    };
  }, [newest, refresh, attempt]);

  // The channel: where the newest answer says it is. A home that was replaced has another key, so it is joined anew.
  useEffect(() => {
    if (!where) return undefined;
    const at = JSON.parse(where);
    let isGone = false;
    let client = null;
    let timer = 0;

    const join = () => {
      const channel = client.channel(at.topic, { config: { private: true, broadcast: { ack: false, self: false } } });
      channel
        .on("broadcast", { event: "payments" }, ({ payload }) => {
          if (!isGone) dispatch({ kind: "heard", shown: payload.shown || [], hidden: payload.hidden || [] });
        })
        .subscribe((status) => {
          if (isGone) return;
          setLive(status === "SUBSCRIBED");
          if (status === "SUBSCRIBED") refresh();
          // the other kinds of loss mend themselves; a channel that was closed is asked for anew
          if (status === "CLOSED") timer = setTimeout(() => isGone || join(), RETRY_MS[2]);
        });
    };

    const follow = () =>
      import("@supabase/realtime-js").then(
        ({ RealtimeClient }) => {
          if (isGone) return;
          client = new RealtimeClient(at.url || `${location.origin.replace(/^http/, "ws")}/realtime/v1`, {
            params: { apikey: at.apikey },
            reconnectAfterMs: (tries) => RETRY_MS[Math.min(tries, RETRY_MS.length) - 1] * (0.5 + Math.random()),
          });
          join();
        },
        () => {
          if (!isGone) timer = setTimeout(follow, RETRY_MS[RETRY_MS.length - 1]);
        },
      );

    follow();
    return () => {
      isGone = true;
      clearTimeout(timer);
      setLive(false);
      if (client) leave(client);
    };
  }, [where, refresh]);

  // Where no socket gets through, the page still comes up to date, and says how old it is.
  useEffect(() => {
    if (isLive || state.phase !== "ready") return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && newest().catch(() => {}), POLL_STALE_MS);
    return () => clearInterval(timer);
  }, [isLive, state.phase, newest]);

  return { state, isLive, older, retry };
}

// True once `value` has been so for `ms`.
function useLasting(value, ms) {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!value) {
      setLasting(false);
      return undefined;
    }
    const timer = setTimeout(() => setLasting(true), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return lasting;
}

function useNow() {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), AGE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

// What a screen reader says of new rows: the newest, or how many, and not more often than every few seconds.
function useSpoken(latest) {
  const [spoken, setSpoken] = useState("");
  const said = useRef({ at: 0, count: 0 });
  useEffect(() => {
    if (!latest) return undefined;
    said.current.count += latest.count;
    const wait = Math.max(0, said.current.at + SAY_EVERY_MS - Date.now());
    const timer = setTimeout(() => {
      const { sender, recipient } = latest.row;
      const { count } = said.current;
      setSpoken(count > 1 ? `${count} new payments` : `New: ${sender.name} paid ${recipient.name}`);
      said.current = { at: Date.now(), count: 0 };
    }, wait);
    return () => clearTimeout(timer);
  }, [latest]);
  return spoken;
}

// New rows push the list down and come into view, within MOVE_MS; nothing moves for those who asked for calm.
function useSlideIn(list, ids, news) {
  const before = useRef({ ids: new Set(ids), news });
  useLayoutEffect(() => {
    const old = before.current;
    before.current = { ids: new Set(ids), news };
    if (news === old.news || !list.current || isCalm() || document.visibilityState !== "visible") return;
    const added = [...list.current.children].filter((item) => item.dataset.id && !old.ids.has(item.dataset.id));
    const height = added.reduce((sum, item) => sum + item.offsetHeight, 0);
    if (!height || list.current.getBoundingClientRect().top < -height) return;
    const timing = { duration: MOVE_MS, easing: "cubic-bezier(.2,.7,.3,1)" };
    list.current.animate([{ transform: `translateY(-${Math.min(height, 160)}px)` }, { transform: "none" }], timing);
    added.forEach((item) => item.animate([{ opacity: 0 }, { opacity: 1 }], timing));
  });
}

// A socket that is closed while it is still opening is an error in the console, so it is left to open first.
const leave = (client) => (client.isConnecting() ? setTimeout(leave, 50, client) : client.removeAllChannels());

export function LiveFeed({ source = "/v1/feed", max = 30, heading = "", ...rest }) {
  const count = Math.max(1, Math.min(max, 100));
  const { state, isLive, older, retry } = useFeed(source, count);
  const now = useNow();
  const spoken = useSpoken(state.latest);
  const isStale = useLasting(state.phase === "ready" && !isLive, STALE_AFTER_MS);
  const [more, setMore] = useState("idle"); // idle | busy | failed
  const list = useRef(null);
  const rows = shownRows(state.known);
  useSlideIn(list, rows.map((row) => row.id), state.news);

  const showMore = async () => {
    setMore("busy");
    try {
      await older();
      setMore("idle");
    } catch {
      setMore("failed");
    }
  };

  const status = state.phase === "ready" ? (isLive ? "live" : isStale ? "stale" : "joining") : state.phase;
  const asOf = state.asOf ? `As of ${clock.format(state.asOf)}` : "";

  let body;
  if (state.phase === "loading") {
    body = jsx("div", { "aria-hidden": true }, Array.from({ length: BONES }, (_, n) => boneRow(n)));
  } else if (state.phase === "error") {
    body = jsx(
      Notice,
      { text: "The feed did not load. Payments and balances are not affected." },
      jsx("button", { type: "button", className: "sec2 low", onClick: retry }, "Try again"),
    );
  } else if (!rows.length) {
    body = jsx(
      Notice,
      { text: "Nothing public yet. When somebody pays in public, it appears here the moment it is made." },
      jsx(Link, { to: "/pay/", className: "sec2 low" }, "Pay somebody"),
    );
  } else {
    body = jsx(
      "ol",
      { ref: list, "aria-label": "Public payments, the newest first" },
      rows.map((row) => jsx(Row, { key: row.id, row, now })),
    );
  }

  return jsx(
    "div",
    { ...rest, "data-status": status, "aria-busy": state.phase === "loading" },
    heading &&
      jsx(
        "div",
        { className: "flex items-center justify-between px-4 pt-3 pb-1" },
        jsx("h2", {}, heading),
        status === "live" && jsx("span", { className: "chip pos small" }, jsx("span", { className: "dot" }), "live"),
      ),
    isStale &&
      jsx(
        "p",
        { className: "s num px-4 py-2 text-warn border-b border-line", role: "status" },
        `${asOf} · reconnecting…`,
      ),
    jsx("div", { className: "overflow-hidden", style: { minHeight: `${BONES * 73}px` } }, body),
    state.phase === "ready" &&
      state.cursor &&
      jsx(
        "div",
        { className: "px-4 py-3 border-t border-line grid gap-2" },
        more === "failed" && jsx("p", { className: "s text-neg", role: "alert" }, "That did not load. Try once more."),
        jsx(
          "button",
          { type: "button", className: "sec2 low w-full!", onClick: showMore, "aria-busy": more === "busy" },
          more === "busy" ? "Loading…" : "Show more",
        ),
      ),
    jsx("p", { className: "sr-only", role: "status", "aria-live": "polite" }, spoken),
  );
}
