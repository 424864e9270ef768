// Counts at any threshold, made once. A probability's level is how many of the 1,001 grid thresholds lie below it, so
// "above threshold number i" is "level > i": exact, with whole numbers alone.

const STEPS = 1000;

async function unpack(text, Type) {
  if (!text) return new Type(0);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Type(await new Response(stream).arrayBuffer());
}

class Counts {
  static async of(data) {
    const counts = new Counts();
    const levels = STEPS + 2;
    const classes = data.classes.length;
    const histograms = await unpack(data.histograms, Uint32Array);
    counts.classes = classes;
    counts.items = data.items;
    counts.positives = data.positives;
    counts.histograms = histograms;
    counts.tp = [];
    counts.fp = [];
    for (let c = 0; c < classes; c++) {
      counts.tp.push(Counts.above(histograms.subarray(2 * c * levels, (2 * c + 1) * levels)));
      counts.fp.push(Counts.above(histograms.subarray((2 * c + 1) * levels, (2 * c + 2) * levels)));
    }
    counts.levels = await unpack(data.levels, Uint16Array);
    counts.truths = await unpack(data.truths, Uint8Array);
    counts.rows = classes ? counts.levels.length / classes : 0;
    counts.labels = new Uint16Array(counts.rows);
    for (let row = 0; row < counts.rows; row++) {
      for (let c = 0; c < classes; c++) counts.labels[row] += counts.truths[row * classes + c];
    }
    return counts;
  }

  // at[i]: how many have a level above i
  static above(histogram) {
    const at = new Uint32Array(STEPS + 1);
    let sum = 0;
    for (let i = STEPS; i >= 0; i--) at[i] = sum += histogram[i + 1];
    return at;
  }

  // One class at threshold number i
  cell(c, i) {
    const tp = this.tp[c][i];
    const fp = this.fp[c][i];
    return { tp, fp, fn: this.positives[c] - tp, tn: this.items - this.positives[c] - fp };
  }

  // Mean over pictures: F-beta of each, and whether all of its labels are right
  samples(at, beta) {
    const { levels, truths, labels, classes, rows } = this;
    const b2 = beta * beta;
    let sum = 0;
    let whole = 0;
    for (let row = 0, k = 0; row < rows; row++) {
      let taken = 0;
      let right = 0;
      for (let c = 0; c < classes; c++, k++) {
        if (levels[k] > at[c]) {
          taken++;
          right += truths[k];
        }
      }
      const below = b2 * labels[row] + taken;
      sum += below ? ((1 + b2) * right) / below : 1;
      if (right === taken && taken === labels[row]) whole++;
    }
    return { f: rows ? sum / rows : NaN, subset: rows ? whole / rows : NaN };
  }
}

function fBeta(cell, beta) {
  const b2 = beta * beta;
  const below = (1 + b2) * cell.tp + b2 * cell.fn + cell.fp;
  return cell.tp + cell.fn && below ? ((1 + b2) * cell.tp) / below : NaN;
}

function ofCounts(metric, cell, answers) {
  if (metric.beta) return fBeta(cell, metric.beta);
  const wrong = (metric.costs[0] * cell.fp + metric.costs[1] * cell.fn) / answers;
  return metric.smallest ? wrong : 1 - wrong;
}

// All numbers of the board at thresholds number at[c]
function judge(counts, at, metric) {
  const cells = at.map((i, c) => counts.cell(c, i));
  const all = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (const cell of cells) for (const name in all) all[name] += cell[name];
  const answers = counts.items * counts.classes;
  const mean = (values) => {
    const known = values.filter((value) => !Number.isNaN(value));
    return known.length ? known.reduce((a, b) => a + b, 0) / known.length : NaN;
  };
  const f2 = counts.samples(at, 2);
  const found = {
    f2_samples: f2.f,
    f2_macro: mean(cells.map((cell) => fBeta(cell, 2))),
    accuracy_multi: (all.tp + all.tn) / answers,
    precision: all.tp + all.fp ? all.tp / (all.tp + all.fp) : NaN,
    recall: all.tp + all.fn ? all.tp / (all.tp + all.fn) : NaN,
    hamming: (all.fp + all.fn) / answers,
    subset: f2.subset,
  };
  const chosen = {
    samples: () => (metric.beta === 2 ? f2.f : counts.samples(at, metric.beta).f),
    subset: () => f2.subset,
    macro: () => mean(cells.map((cell) => ofCounts(metric, cell, counts.items))),
    micro: () => ofCounts(metric, all, answers),
  }[metric.average]();
  return { cells, all, found, chosen, own: cells.map((cell) => ofCounts(metric, cell, counts.items)) };
}

const say = (value, digits = 4) => (value == null || Number.isNaN(value) ? "undefined" : value.toFixed(digits));
