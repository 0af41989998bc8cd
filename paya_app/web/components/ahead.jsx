// Fetches the code of the other pages once this one has come to rest, so that a tap opens its page without a
// connection too, and after a new version took the place of this one's files. Nothing of it belongs to the first
// view: it begins after the page has loaded and been idle, one file at a time. Whoever saves data is spared it.
import { useEffect } from "react";

const REST_MS = 2000;
// Not these: few open them, or they are of no use without a connection.
const SELDOM = /^(admin\/|developers\/|link-bank|proof|save|settings\/|404|\*)/;

const rest = (ms) => new Promise((go) => setTimeout(go, ms));
const idle = () => new Promise((go) => (window.requestIdleCallback ? requestIdleCallback(go, { timeout: 10_000 }) : setTimeout(go, 200)));
const loaded = () => document.readyState === "complete" || new Promise((go) => addEventListener("load", go, { once: true }));
// a module that could not be fetched once is not always asked for again
const online = () => navigator.onLine || new Promise((go) => addEventListener("online", go, { once: true }));

async function fetchPages() {
  if (navigator.connection?.saveData) return performance.mark("pages-spared");
  await loaded();
  await rest(REST_MS);
  await idle();
  performance.mark("pages-ahead");
  for (const { module, path } of Object.values(window.__reactRouterManifest?.routes ?? {})) {
    if (SELDOM.test(path ?? "")) continue;
    await online();
    await import(/* @vite-ignore */ module);
    await idle();
  }
  return performance.mark("pages-here");
}

let fetching = null;

export function PagesAhead() {
  useEffect(() => {
    // what fails now is fetched when it is needed, as without this
    fetching ??= fetchPages().catch(() => {});
  }, []);
  return null;
}
