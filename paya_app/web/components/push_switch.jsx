// Push on this device: asks the browser, subscribes with our key, and says what stands in the way.
import { useEffect, useState } from "react";
import { jsx } from "@emotion/react";

const WORKER = "/push_worker.js";

const bytes = (key) => Uint8Array.from(atob(key.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const isAble = () => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

async function current() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

export function PushSwitch({ publicKey, endpoints, onAdd, onForget }) {
  const [endpoint, setEndpoint] = useState("");
  const [said, setSaid] = useState("");
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    if (!isAble()) setSaid("This browser takes no push messages. On an iPhone, put PaYa on the home screen first.");
    else if (Notification.permission === "denied") setSaid("This browser blocks notices from PaYa. Allow them in its settings.");
    else current().then((found) => setEndpoint(found?.endpoint ?? ""), () => {});
  }, []);
  const isOn = endpoint !== "" && (endpoints ?? []).includes(endpoint);

  const turnOn = async () => {
    if ((await Notification.requestPermission()) !== "granted") {
      setSaid("Not turned on: this browser was not allowed to show notices.");
      return;
    }
    const registration = await navigator.serviceWorker.register(WORKER, { scope: "/" });
    await navigator.serviceWorker.ready;
    const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(publicKey) });
    setEndpoint(made.endpoint);
    setSaid("");
    onAdd?.(made.toJSON());
  };
  const turnOff = async () => {
    onForget?.(endpoint);
    await (await current())?.unsubscribe();
    setEndpoint("");
  };
  const press = async () => {
    setBusy(true);
    try {
      await (isOn ? turnOff() : turnOn());
    } catch {
      setSaid("Not turned on: this browser's push service does not answer. Nothing was changed; e-mail works meanwhile.");
    } finally {
      setBusy(false);
    }
  };
  const able = publicKey && isAble();
  return jsx(
    "div",
    null,
    able &&
      jsx(
        "button",
        { type: "button", className: "sec2", disabled: isBusy, onClick: press },
        isOn ? "Turn off here" : "Turn on here",
      ),
    jsx("p", { className: "s m mt-2 empty:hidden", role: "status" }, said),
  );
}
