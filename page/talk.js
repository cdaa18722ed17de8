// The voices of the talk: what was said and what was answered, kept in this page's memory and nowhere else.
//
// Runs once, as `js_on_load` of the component that the server gives the sounds to (`page.talk.Voice`): a line with the
// name of the turn, then one line a sound, "said …" or "voice …" (WAV, base64), or "forget". Lines are only ever added,
// so the first sentence plays while the next one is being made.
const sounds = new Map(); // "turn kind" → URLs of its clips, in order
const player = document.body.appendChild(document.createElement("audio"));
let queue = [];
let latest = "";
let turn = "";
let taken = 0;
player.id = "jiwoo-voice";

const bar = () => document.querySelector("#voice .voice-bar");
const show = (state) => bar()?.setAttribute("data-state", state);

function clip(base64) {
  const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
}

function forget(name) {
  for (const [key, urls] of sounds) {
    if (name && !key.startsWith(name + " ")) continue;
    urls.forEach((url) => URL.revokeObjectURL(url));
    sounds.delete(key);
  }
}

function quiet() {
  queue = [];
  player.pause();
  show(sounds.size ? "idle" : "none");
}

async function next() {
  const url = queue.shift();
  if (!url) return show("idle");
  player.src = url;
  player.defaultPlaybackRate = player.playbackRate = Number(bar()?.querySelector("select").value ?? 1);
  await resume();
}

async function resume() {
  try {
    await player.play();
    show("playing");
  } catch (error) {
    if (error.name === "NotAllowedError") show("blocked"); // a browser plays nothing before the first touch
  }
}

function play(key) {
  quiet();
  queue = [...(sounds.get(key) ?? [])];
  return next();
}

function take(line) {
  const [kind, data] = line.split(" ");
  if (kind === "forget") return forget(turn);
  const key = `${turn} ${kind}`;
  const url = clip(data);
  sounds.set(key, [...(sounds.get(key) ?? []), url]);
  if (kind !== "voice") return;
  latest = key;
  queue.push(url);
  if (player.paused && !["paused", "blocked"].includes(bar()?.dataset.state)) next();
}

function hear(text) {
  const [name, ...lines] = (text || "").split("\n");
  if (!name) {
    quiet();
    forget("");
    show("none");
  } else {
    if (name !== turn || lines.length < taken) {
      [turn, taken] = [name, 0];
      forget(name); // said again: the old answer's voice goes
      quiet();
    }
    lines.slice(taken).forEach(take);
    taken = lines.length;
  }
  offer();
}

// A button to hear a line again is there while its sound is.
function offer() {
  for (const button of document.querySelectorAll("[data-play]")) button.hidden = !sounds.has(button.dataset.play);
}

// A talk with new words shows its end; whoever lost their place goes back to where they speak.
let told = "";
function follow() {
  const talk = document.querySelector("#talk .talk");
  const words = talk?.textContent ?? "";
  if (words === told) return;
  told = words;
  if (!talk) return;
  talk.scrollTop = talk.scrollHeight;
  if (document.activeElement === document.body)
    document.querySelector("#speak .record-button")?.focus({ preventScroll: true });
}

player.addEventListener("ended", next);
document.addEventListener("click", (event) => {
  const replay = event.target.closest("[data-play]");
  if (replay) play(replay.dataset.play);
  if (!event.target.closest("[data-voice=toggle]")) return;
  const state = bar().dataset.state;
  if (state === "playing") {
    player.pause();
    show("paused");
  } else if (state === "idle") play(latest);
  else resume();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-voice=rate]")) player.playbackRate = Number(event.target.value);
  if (event.target.matches("[data-voice=mute]")) player.muted = event.target.checked;
});
new MutationObserver(() => (offer(), follow())).observe(document.body, { childList: true, subtree: true });
// One live region, which is there before its words are: a reader tells only what changes in it.
Object.entries({ role: "status", "aria-live": "polite" }).forEach(([name, value]) =>
  document.getElementById("status")?.setAttribute(name, value),
);
window.jiwoo = { quiet };
watch("value", () => hear(props.value));
