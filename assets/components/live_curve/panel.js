// Around the canvas: the legend that toggles curves, and the line that says how far the runs are.

const STATE_WORDS = {
  queued: "Queued",
  running: "Running",
  done: "Done",
  failed: "Failed",
  stopped: "Stopped",
  waiting: "Connecting",
};

class Panel {
  drawLegend() {
    const seen = new Set();
    const buttons = [];
    for (const curve of this.data.curves) {
      const name = curve.band ?? curve.id;
      if (seen.has(name)) continue;
      seen.add(name);
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.hiddenCurves.has(name)));
      const dash = (DASHES[curve.dash] ?? []).join(" ");
      button.innerHTML = `<svg width="30" height="12" aria-hidden="true"><line x1="2" x2="28" y1="6" y2="6" stroke-width="3.5" stroke-linecap="round" stroke-dasharray="${dash}"/></svg>`;
      button.querySelector("line").style.stroke = this.color(curve.color);
      button.append(curve.band ?? curve.label);
      button.onclick = () => {
        if (!this.hiddenCurves.delete(name)) this.hiddenCurves.add(name);
        button.setAttribute("aria-pressed", String(!this.hiddenCurves.has(name)));
        this.ask();
      };
      buttons.push(button);
    }
    this.legend.hidden = this.data.curves.length < 2 && !this.data.legend;
    this.legend.replaceChildren(...(this.legend.hidden ? [] : buttons));
  }

  status() {
    const streams = Object.entries(this.data.runs).filter(([, known]) => known.stream || known.status);
    this.bar.hidden = !this.data.status_line || !streams.length;
    if (this.bar.hidden) return;
    const runs = streams.map(([id]) => this.watched.get(id));
    const states = runs.map((run) => run.status?.status ?? "waiting");
    const word = ["running", "waiting", "queued", "failed", "stopped", "done"].find((name) => states.includes(name));
    const [state, bar, count, note] = this.bar.children;
    const marks = { running: "--st-primary-color", done: "--st-green-color", failed: "--st-red-color", stopped: "--st-orange-color" };
    this.bar.style.setProperty("--lc-mark", `var(${marks[word] ?? "--st-gray-color"})`);
    const done = runs.reduce((sum, run) => sum + (run.status?.done ?? 0), 0);
    const total = runs.reduce((sum, run) => sum + (run.status?.total ?? 0), 0);
    const finished = states.filter((name) => FINAL.has(name)).length;
    const say = (element, text) => element.textContent === text || (element.textContent = text);
    const queue = runs[0]?.status?.queue;
    let text = runs.some((run) => run.status?.stopping) ? "Stopping after this batch" : (STATE_WORDS[word] ?? word);
    if (word === "queued" && Number.isFinite(queue)) text = queue > 0 ? `Queued, ${queue} before this one` : "Queued, next in line";
    if (runs.length > 1) text = finished === runs.length ? `All ${runs.length} done` : `${finished} of ${runs.length} done`;
    if (word === "waiting" && runs[0]?.feed?.lost) text = "Connection lost, trying again";
    say(state, text);
    const share = word === "done" ? 1 : total ? Math.min(1, done / total) : 0;
    bar.firstElementChild.style.width = `${(share * 100).toFixed(1)}%`;
    bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    bar.setAttribute("aria-label", "Progress");
    const words = [];
    if (total && word !== "queued" && word !== "waiting") words.push(`${Math.min(done, total)} / ${total}`);
    if (word === "running") {
      const rate = runs.reduce((sum, run) => sum + (run.rate() || 0), 0);
      if (rate > 0) words.push(`${rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)} per second`);
      const left = Math.max(...runs.map((run) => (run.status?.eta ?? NaN) - (performance.now() - run.statusAt) / 1000).filter(Number.isFinite), -1);
      if (left >= 0) words.push(`${saySeconds(left)} left`);
    }
    say(count, words.join(" · "));
    const notes = runs.flatMap((run) => [run.status?.error, run.status?.message, ...(run.status?.notes ?? [])]);
    say(note, [...new Set(notes.filter(Boolean))].join(" "));
  }
}
