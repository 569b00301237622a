// Loaded before a sample: puts the product in the place of the document's hosts, and a key in that of its placeholder.
const { PRODUCT, KEY } = process.env;

const send = globalThis.fetch;
globalThis.fetch = (url, options) => {
  const headers = new Headers(options.headers);
  if (headers.get("X-API-Key") === "your-api-key") headers.set("X-API-Key", KEY);
  return send(url.replace("https://api.halcytone.com", `http://${PRODUCT}`), { ...options, headers });
};

const say = (what, text) => console.log(`${what}: ${text}`);
let open = false;
globalThis.WebSocket = class extends globalThis.WebSocket {
  constructor(url) {
    super(url.replace("localhost:8000", PRODUCT));
    this.addEventListener("open", () => { open = true; });
    this.addEventListener("message", (event) => say("received", event.data));
  }
  send(text) {
    super.send(text);
    say("sent", text);
  }
};
// A sample's page has these two.
globalThis.updateTechnique = (content) => say("technique", JSON.stringify(content));
globalThis.showAchievement = (content) => say("achievement", JSON.stringify(content));

// Thirty seconds are 30 milliseconds here, by which a socket need not be open yet.
const every = globalThis.setInterval;
globalThis.setInterval = (action, milliseconds) => every(() => open && action(), milliseconds / 1000);
