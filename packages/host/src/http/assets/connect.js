/** Shows the steps of connecting an account, as the host makes them, and hands the answers over. */
import { post } from "./outbox.js";

const main = document.querySelector("main");
const place = document.querySelector("#step");
const say = document.querySelector("#say");
const base = `channels/${encodeURIComponent(main.dataset.name)}/connect`;

function tell(text, { wrong = false } = {}) {
  say.textContent = text;
  say.classList.toggle("wrong", wrong);
}
const complain = (error) => tell(error.message, { wrong: true });

function show(html) {
  const { activeElement: active } = document;
  const next = document.createElement("div");
  next.innerHTML = html;
  const codes = [place, next].map((one) => one.querySelector(".qr"));
  // A code in the place of another: all around it stays, so that nothing is read out again.
  if (codes.every((code) => code !== null) && place.textContent.trim() === next.textContent.trim())
    return codes[0].replaceWith(codes[1]);
  const wasIn = active !== null && place.contains(active);
  place.replaceChildren(...next.childNodes);
  const field = place.querySelector("input");
  // Whoever answered stood in a field that is gone, and goes on from here.
  if (field !== null || wasIn) (field ?? place).focus();
}

async function follow(attempt) {
  for (let [number, over] = [-1, false]; !over;) {
    const response = await fetch(`/${base}/${attempt}/step?${number < 0 ? "" : `after=${number}`}`);
    if (!response.ok) throw new Error("The host does not answer. Begin again once it is back.");
    const step = await response.json();
    over = step.over;
    if (step.number === number) continue;
    number = step.number;
    show(step.html);
    place.dataset.number = number;
  }
}

async function disconnect(button) {
  const { disconnect: account } = button.dataset;
  if (!confirm(`${button.textContent}? What is kept of it is forgotten.`)) return;
  button.disabled = true;
  try {
    const path = `/api/v1/channels/${encodeURIComponent(main.dataset.name)}/disconnect`;
    const { forgot } = await post(path, { account });
    tell(`Disconnected. Taken out of .env: ${forgot.join(", ")}.`);
    button.remove();
  } catch (error) {
    button.disabled = false;
    complain(error);
  }
}

for (const button of document.querySelectorAll("[data-disconnect]"))
  button.addEventListener("click", () => void disconnect(button));

try {
  const { attempt } = await post(`/api/v1/${base}`, {});
  const hand = async (form) => {
    const button = form.querySelector("button");
    button.disabled = true;
    tell("");
    try {
      const answer = { number: Number(place.dataset.number), value: form.elements.value.value };
      await post(`/api/v1/${base}/${attempt}/answer`, answer);
    } catch (error) {
      button.disabled = false;
      complain(error);
    }
  };
  place.addEventListener("submit", (event) => {
    event.preventDefault();
    void hand(event.target);
  });
  await follow(attempt);
} catch (error) {
  complain(error);
}
