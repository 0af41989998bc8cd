// A quiet line while a vendor does not answer: asked for when the page opens, and again while somebody looks.
import { useEffect, useState } from "react";

const LOOK_EVERY_MS = 10_000;

export function ProviderBanner({ vendor, children }) {
  const [isDown, setDown] = useState(false);

  useEffect(() => {
    let isGone = false;
    const look = async () => {
      if (document.visibilityState === "hidden") return;
      try {
        const answer = await fetch("/v1/health/vendors", { headers: { accept: "application/json" }, cache: "no-store" });
        if (answer.ok) {
          const { down } = await answer.json();
          if (!isGone) setDown(vendor in down);
        }
      } catch {
        // no network, or PaYa itself is away: other notices say so
      }
    };
    look();
    const looking = setInterval(look, LOOK_EVERY_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      isGone = true;
      clearInterval(looking);
      document.removeEventListener("visibilitychange", look);
    };
  }, [vendor]);
  return <div role="status">{isDown ? children : null}</div>;
}
