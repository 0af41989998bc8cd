// A stock client follows PaYa: `node follow.mjs <supabase-js|realtime-js> <url> <anon key>` prints one JSON line
// per thing it hears, tries to speak, and ends after a row of the feed and a row of the table.
import { RealtimeClient } from "@supabase/realtime-js";
import { createClient } from "@supabase/supabase-js";

const [library, url, key] = process.argv.slice(2);
const say = (kind, body) => console.log(JSON.stringify({ kind, body }));
const client =
  library === "supabase-js"
    ? createClient(url, key)
    : new RealtimeClient(`${url.replace(/^http/, "ws")}/realtime/v1`, { params: { apikey: key } });

const heard = new Set();
const hear = async (kind, body) => {
  say(kind, body);
  heard.add(kind);
  if (heard.size === 2) {
    await client.removeAllChannels();
    process.exit(0);
  }
};

const feed = client
  .channel("feed", { config: { private: true, broadcast: { ack: true } } })
  .on("broadcast", { event: "payments" }, ({ payload }) => hear("feed", payload))
  .subscribe(async (status, error) => {
    say("feed status", error ? `${status}: ${error.message}` : status);
    if (status === "SUBSCRIBED") {
      say("speak", await feed.send({ type: "broadcast", event: "payments", payload: { shown: [] } }));
    }
  });

client
  .channel("public-payments")
  .on(
    "postgres_changes",
    { event: "INSERT", schema: "public", table: "payments", filter: "is_public=eq.true" },
    (change) => hear("change", change),
  )
  .subscribe((status, error) => say("change status", error ? `${status}: ${error.message}` : status));
