// Tells the page that a moment has passed. The page decides by the server's clock; where that is behind the
// browser's, the moment stays and the page is told again.
import { useEffect, useRef } from "react";

const AGAIN_MS = 30_000;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export function Due({ at, onDue }) {
  const tell = useRef(onDue);
  tell.current = onDue;
  useEffect(() => {
    const moment = Date.parse(at);
    if (Number.isNaN(moment)) return undefined;
    let timer = 0;
    const wait = (ms) => {
      timer = setTimeout(look, Math.min(Math.max(ms, 0), TIMEOUT_MS_MAX));
    };
    const look = () => {
      const left = moment - Date.now();
      if (left <= 0) tell.current?.();
      wait(left > 0 ? left : AGAIN_MS);
    };
    wait(moment - Date.now());
    return () => clearTimeout(timer);
  }, [at]);
  return null;
}
