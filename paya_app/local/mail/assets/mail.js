// Fetches the mails again every second and puts them in place when they have changed.
(() => {
  const inbox = document.getElementById("inbox");
  let shown = inbox.innerHTML;

  const refresh = async () => {
    if (document.hidden || document.activeElement?.closest?.(".words")) return;
    try {
      const answer = await fetch(`/local/mail/inbox${location.search}`, { cache: "no-store" });
      if (!answer.ok) return;
      const next = await answer.text();
      if (next !== shown) inbox.innerHTML = shown = next;
    } catch {
      // the server is restarting: the next round asks again
    }
  };

  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, 1000);
})();
