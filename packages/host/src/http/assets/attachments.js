/**
 * Files that the person has chosen and not yet sent. In a chat they are handed over at once, in the
 * background; in one that does not exist yet, when it does. They are kept in this page only: a reload
 * forgets those that were not sent, and the host forgets them after a day.
 */
const size = (bytes) =>
  bytes < 1024
    ? `${bytes} bytes`
    : bytes < 1024 * 1024
      ? `${Math.round(bytes / 1024)} KB`
      : `${(bytes / 1024 / 1024).toFixed(1)} MB`;

/** By XMLHttpRequest, since only that tells how far it is. @returns {Promise<string>} the file's id */
function upload(chat, file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const name = encodeURIComponent(file.name || "file");
    request.open("POST", `/api/v1/chats/${encodeURIComponent(chat)}/files?name=${name}`);
    request.setRequestHeader("X-Bellhop", "web");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    request.addEventListener("load", () => {
      if (request.status === 401) location.assign("/login");
      if (request.status === 201) resolve(request.response.id);
      else reject(new Error(request.response?.error?.message ?? `Bellhop answered with ${request.status}.`));
    });
    request.addEventListener("error", () => reject(new Error("Bellhop cannot be reached.")));
    request.send(file);
  });
}

/**
 * @param {{ chat: string, list: HTMLElement, announce: (text: string) => void, onChange: () => void }} options
 *   `chat` is empty while it does not exist yet
 */
export function createAttachments({ chat, list, announce, onChange }) {
  let entries = [];

  function change(next) {
    entries = next;
    list.hidden = entries.length === 0;
    onChange();
  }

  function show(entry, words, failed = false) {
    entry.words.textContent = words;
    entry.item.classList.toggle("wrong", failed);
  }

  function hand(entry, to) {
    entry.id = upload(to, entry.file, (part) => show(entry, `${Math.round(part * 100)} %`));
    entry.id.then(
      () => show(entry, size(entry.file.size)),
      (error) => {
        entry.id = undefined; // to be tried again when it is sent
        show(entry, error.message, true);
        announce(`${entry.file.name} could not be attached: ${error.message}`);
      },
    );
  }

  function remove(entry) {
    entry.item.remove();
    change(entries.filter((one) => one !== entry));
    announce(`${entry.file.name} removed`);
  }

  function item(entry) {
    const row = document.createElement("li");
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = entry.file.name;
    entry.words.className = "size";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Remove";
    button.setAttribute("aria-label", `Remove ${entry.file.name}`);
    button.addEventListener("click", () => remove(entry));
    row.append(name, entry.words, button);
    return row;
  }

  return {
    count: () => entries.length,

    add(files) {
      const fresh = [...files].map((file) => ({
        file,
        id: undefined,
        words: document.createElement("span"),
      }));
      for (const entry of fresh) {
        entry.item = item(entry);
        list.append(entry.item);
        show(entry, size(entry.file.size));
        if (chat !== "") hand(entry, chat);
      }
      if (fresh.length > 0) announce(`${fresh.map(({ file }) => file.name).join(", ")} attached`);
      change([...entries, ...fresh]);
    },

    /** Their ids, once all of them are with the host. Rejects when one is not; it stays here then. */
    async handedOver(to = chat) {
      const given = entries;
      for (const entry of given) if (entry.id === undefined) hand(entry, to);
      const files = await Promise.all(given.map(async ({ id, file }) => ({ id: await id, name: file.name })));
      for (const { item: row } of given) row.remove();
      change(entries.filter((entry) => !given.includes(entry)));
      return files;
    },
  };
}
