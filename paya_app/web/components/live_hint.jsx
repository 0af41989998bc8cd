// Tells the page when something of the signed-in person's changed: joins their own private topic with a token of
// five minutes that the session's cookie is good for. A hint only: the page reads again what it shows.
import { useEffect, useRef } from "react";

const GATHER_MS = 60; // hints of one change arrive together
const REFRESH_BEFORE_MS = 60_000;
const AWAY_MS = 30_000;
const RETRY_MS = [300, 700, 1500, 3000];

class SignedOut extends Error {}

// A token that stays good for a while; asked for on every heartbeat, fetched about every four minutes.
function tokens() {
  let kept = null;
  return async () => {
    if (kept && kept.expires_at * 1000 - Date.now() > REFRESH_BEFORE_MS) return kept;
    const answer = await fetch("/session/realtime-token", { headers: { accept: "application/json" }, cache: "no-store" });
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok) throw new Error(`the token route answered ${answer.status}`);
    kept = await answer.json();
    return kept;
  };
}

// A socket that is closed while it is still opening is an error in the console, so it is left to open first.
const leave = (client) => (client.isConnecting() ? setTimeout(leave, 50, client) : client.removeAllChannels());

export function LiveHint({ onChange, active = true, source = "/v1/feed" }) {
  const tell = useRef(onChange);
  tell.current = onChange;

  useEffect(() => {
    if (!active) return undefined;
    let isGone = false;
    let client = null;
    let tries = 0;
    let awaySince = 0;
    let retrying = 0;
    let gathering = 0;
    const token = tokens();

    const changed = () => {
      clearTimeout(gathering);
      gathering = setTimeout(() => isGone || tell.current?.(), GATHER_MS);
    };

    const again = () => {
      if (isGone) return;
      clearTimeout(retrying);
      retrying = setTimeout(follow, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)] * (0.5 + Math.random()));
    };

    const join = (topic) =>
      client
        .channel(topic, { config: { private: true, broadcast: { ack: false, self: false } } })
        .on("broadcast", { event: "changed" }, changed)
        .subscribe((status) => {
          if (isGone) return;
          if (status === "SUBSCRIBED") {
            tries = 0;
            changed(); // something may have happened between what the page read and now
          }
          if (status === "CLOSED") again();
        });

    const follow = async () => {
      try {
        const [first, answer, { RealtimeClient }] = await Promise.all([
          token(),
          client ? null : fetch(`${source}?limit=1`, { headers: { accept: "application/json" } }),
          import("@supabase/realtime-js"),
        ]);
        if (isGone) return;
        if (!client) {
          if (!answer.ok) throw new Error(`the feed answered ${answer.status}`);
          const { realtime: at } = await answer.json();
          if (isGone) return;
          client = new RealtimeClient(at.url || `${location.origin.replace(/^http/, "ws")}/realtime/v1`, {
            params: { apikey: at.apikey },
            accessToken: async () => (await token()).token,
            reconnectAfterMs: (n) => RETRY_MS[Math.min(n, RETRY_MS.length) - 1] * (0.5 + Math.random()),
          });
        }
        await client.setAuth();
        if (!isGone) join(first.topic);
      } catch (error) {
        if (!(error instanceof SignedOut)) again();
      }
    };

    const look = () => {
      if (document.visibilityState === "hidden") awaySince = Date.now();
      else if (awaySince && Date.now() - awaySince > AWAY_MS) changed();
    };

    follow();
    document.addEventListener("visibilitychange", look);
    return () => {
      isGone = true;
      clearTimeout(retrying);
      clearTimeout(gathering);
      document.removeEventListener("visibilitychange", look);
      if (client) leave(client);
    };
  }, [active, source]);
  return null;
}
