/** Shows the steps of connecting an account, as the host makes them, and hands the answers over. */
import { post } from "./outbox.js";

const main = document.querySelector("main");
const place = document.querySelector("#step");
const say = document.querySelector("#say");
const base = `channels/${encodeURIComponent(main.dataset.name)}/connect`;

function complain(error) {
  say.textContent = error.message;
  say.classList.add("wrong");
}

async function follow(attempt) {
  for (let [number, over] = [-1, false]; !over;) {
    const response = await fetch(`/${base}/${attempt}/step?${number < 0 ? "" : `after=${number}`}`);
    if (!response.ok) throw new Error("The host does not answer. Begin again once it is back.");
    const step = await response.json();
    over = step.over;
    if (step.number === number) continue;
    number = step.number;
    place.innerHTML = step.html;
    place.dataset.number = number;
    place.querySelector("input")?.focus();
  }
}

async function disconnect(button) {
  const { disconnect: account } = button.dataset;
  if (!confirm(`${button.textContent}? What is kept of it is forgotten.`)) return;
  button.disabled = true;
  try {
    const path = `/api/v1/channels/${encodeURIComponent(main.dataset.name)}/disconnect`;
    const { forgot } = await post(path, { account });
    say.textContent = `Disconnected. Taken out of .env: ${forgot.join(", ")}.`;
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
    say.textContent = "";
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
