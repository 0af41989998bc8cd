// Shows push messages while no page is open, and opens the page that one is about. It keeps and fetches nothing.
self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data?.json() ?? {};
  } catch {
    // nothing that we sent
  }
  const options = { body: said.body ?? "", tag: said.tag, icon: "/icons/paya-192.png", data: { path: said.path } };
  event.waitUntil(self.registration.showNotification(said.title ?? "PaYa", options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const to = new URL(event.notification.data?.path ?? "/", self.location.origin);
  if (to.origin !== self.location.origin) return;
  event.waitUntil(self.clients.openWindow(to.href));
});
