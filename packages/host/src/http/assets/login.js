/** Spends the code in the link's fragment. It is taken out of the address first, so no history keeps it. */
const say = document.querySelector("#say");
const form = document.querySelector("#login");
const input = document.querySelector("#code");

const codeIn = (text) => text.trim().split("#").at(-1);

async function logIn(code) {
  say.classList.remove("wrong");
  say.textContent = "Logging in…";
  try {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Bellhop": "web" },
      body: JSON.stringify({ code }),
    });
    if (response.ok) {
      location.replace("/");
      return;
    }
    say.textContent = (await response.json()).error.message;
  } catch {
    say.textContent = "Bellhop cannot be reached: is it running?";
  }
  say.classList.add("wrong");
  input.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void logIn(codeIn(input.value));
});

/** After a link from another site: the browser held the cookie back then, and does not now. */
async function enterIfKnown() {
  const answer = await fetch("/login/known").catch(() => undefined);
  if (answer?.ok && (await answer.json()).known) location.replace("/");
}

function spendLink() {
  const code = location.hash.slice(1);
  if (code === "") {
    void enterIfKnown();
    return;
  }
  history.replaceState(null, "", location.pathname);
  void logIn(code);
}

// A second link pasted into the same tab changes nothing but the fragment.
addEventListener("hashchange", spendLink);
spendLink();
