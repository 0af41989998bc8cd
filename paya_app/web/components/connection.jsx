// Whether the browser has no network at all. The socket notices by itself only when its next sign of life is due,
// which may be three quarters of a minute later.
import { useSyncExternalStore } from "react";

function follow(changed) {
  addEventListener("online", changed);
  addEventListener("offline", changed);
  return () => {
    removeEventListener("online", changed);
    removeEventListener("offline", changed);
  };
}

export const useOffline = () => useSyncExternalStore(follow, () => !navigator.onLine, () => false);
