// Search in pages that are opened as files, from which browsers start no workers: the worker's script runs in a hidden
// frame instead. mkdocs-material's plugin "offline" would fetch a script for that; a name like this one's keeps it from
// doing so.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.documentElement.append(frame);
      this.window = frame.contentWindow;
      this.window.postMessage = data => this.dispatchEvent(new MessageEvent("message", {data}));
      this.window.importScripts = (...urls) => urls.reduce((before, next) => before.then(() => this.load(next)),
                                                           Promise.resolve());
      this.loaded = this.load(url);
    }
    load(url) {
      return new Promise((loaded, failed) => {
        const script = this.window.document.createElement("script");
        Object.assign(script, {src: url, onload: loaded, onerror: failed});
        this.window.document.documentElement.append(script);
      });
    }
    postMessage(data) {
      this.loaded.then(() => this.window.dispatchEvent(new this.window.MessageEvent("message", {data})));
    }
    terminate() { this.window.frameElement.remove(); }
  };
