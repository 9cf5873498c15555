/** Sends the owner's answers. What it shows is the host's; a reload shows the same. */
import { post } from "./outbox.js";

const say = document.querySelector("#say");

async function answer(item, button) {
  for (const one of item.querySelectorAll("button")) one.disabled = true;
  say.classList.remove("wrong");
  try {
    const ids = [item.dataset.approval];
    const { decided } = await post("/api/v1/approvals", { ids, answer: button.dataset.answer });
    const [{ outcome }] = decided;
    say.textContent = { approved: "Allowed.", denied: "Refused." }[outcome] ?? "It was not open any more.";
    item.remove();
  } catch (error) {
    for (const one of item.querySelectorAll("button")) one.disabled = false;
    say.textContent = error.message;
    say.classList.add("wrong");
  }
}

for (const item of document.querySelectorAll("[data-approval]"))
  for (const button of item.querySelectorAll("button"))
    button.addEventListener("click", () => void answer(item, button));
