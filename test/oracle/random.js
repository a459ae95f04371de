// Random choices that a seed repeats.

export class Random {
  constructor(...seeds) {
    this.state = 0x9e3779b9;
    for (const seed of seeds) {
      this.state = Math.imul(this.state ^ seed, 0x85ebca6b) >>> 0;
      this.below(2);
    }
  }

  // An integer from 0 to below `limit` (mulberry32).
  below(limit) {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(probability) {
    return this.below(1 << 20) < probability * (1 << 20);
  }

  pick(choices) {
    return choices[this.below(choices.length)];
  }

  // `least` to `most` results of `make`.
  times(least, most, make) {
    return Array.from({ length: least + this.below(most - least + 1) }, (_, index) => make(index));
  }

  shuffle(items) {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]];
    }
    return shuffled;
  }
}
