// The search runs in a worker, which browsers refuse to pages read from a folder. There its script runs in a hidden frame.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.window = frame.contentWindow
      this.window.postMessage = data => this.answer(data)
      const script = this.window.document.createElement("script")
      script.src = url
      script.onload = () => {
        for (const data of this.waiting) this.ask(data)
        this.waiting = null
      }
      this.window.document.body.append(script)
    }
    answer(data) {
      const event = new MessageEvent("message", { data })
      this.dispatchEvent(event)
      this.onmessage?.(event)
    }
    ask(data) {
      this.window.dispatchEvent(new this.window.MessageEvent("message", { data }))
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data)
      else this.ask(data)
    }
    terminate() {}
  }
