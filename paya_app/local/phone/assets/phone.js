// Fetches the inbox again every second and puts it in place when it has changed; copies codes.
(() => {
  const inbox = document.getElementById("inbox");
  const said = document.getElementById("said");
  let shown = inbox.innerHTML;
  let hush;

  const say = (text) => {
    said.textContent = text;
    clearTimeout(hush);
    hush = setTimeout(() => { said.textContent = ""; }, 2000);
  };

  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(`/local/phone/inbox${location.search}`, { cache: "no-store" });
      if (!answer.ok) return;
      const next = await answer.text();
      if (next === shown) return;
      const focused = document.activeElement?.closest?.("[data-sid], a")?.outerHTML;
      inbox.innerHTML = shown = next;
      if (focused) [...inbox.querySelectorAll("[data-sid], a")].find((e) => e.outerHTML === focused)?.focus?.();
    } catch {
      // the server is restarting: the next round asks again
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say("Code copied");
    } catch {
      say("This browser does not let pages copy here");
    }
  });
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, 1000);
})();
