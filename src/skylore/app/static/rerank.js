// Shows certainties as they come; without scripts, the page has a link that waits for them.

const live = document.querySelector("#live");
const EVERY = 600;

const isMoving = () => live.querySelector('[data-state="waiting"], [data-state="asking"]') !== null;
const pause = () => new Promise((done) => { setTimeout(done, EVERY); });

async function part() {
  try {
    const answer = await fetch(live.dataset.follow);
    return answer.ok ? await answer.text() : null;
  } catch {
    return null; // the server is away: the next time may do
  }
}

function show(text) {
  const at = document.activeElement;
  const address = live.contains(at) ? at.getAttribute("href") : null;
  live.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  const same = [...live.querySelectorAll("a")].find((link) => link.getAttribute("href") === address);
  same?.focus();
}

let last = "";
while (isMoving()) {
  await pause();
  const text = await part();
  if (text !== null && text !== last) {
    show(text);
    last = text;
  }
}
