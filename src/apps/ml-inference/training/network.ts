import type { Drawings } from "./digits.ts";
import type { Random } from "./random.ts";

/** A network of two layers. Weights lie line by line, one line for each of what goes in. */
export interface Network {
  /** What is taken from each pixel before all else, and by what the rest is divided. */
  readonly mean: number;
  readonly deviation: number;
  readonly hidden: Layer;
  readonly output: Layer;
}

export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly biases: Float32Array;
}

export interface Training {
  readonly hiddenCount: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

const CLASSES = 10;

/**
 * Trains a network to tell digits apart: a hidden layer that is cut off at zero, cross entropy, and Adam, with a rate that
 * falls to nothing.
 *
 * The same drawings and the same random numbers make the same network.
 */
export function train({ images, digits }: Drawings, training: Training, random: Random): Network {
  const pixels = images.length / digits.length;
  const { mean, deviation } = spreadOf(images);
  const inputs = images.map((pixel) => (pixel - mean) / deviation);
  const hidden = new TrainedLayer(pixels, training.hiddenCount, random);
  const output = new TrainedLayer(training.hiddenCount, CLASSES, random);
  const order = Int32Array.from(digits.keys());
  const stepsMax = training.epochs * Math.ceil(digits.length / training.batchSize);
  for (let epoch = 0, step = 0; epoch < training.epochs; epoch++) {
    random.shuffle(order);
    for (let from = 0; from < order.length; from += training.batchSize) {
      const batch = order.subarray(from, from + training.batchSize);
      for (const index of batch) {
        const image = inputs.subarray(index * pixels, (index + 1) * pixels);
        const activations = hidden.apply(image).map((sum) => Math.max(0, sum));
        const errors = softmax(output.apply(activations));
        errors[digits[index] ?? 0] = (errors[digits[index] ?? 0] ?? 0) - 1;
        const back = output.learn(activations, errors);
        hidden.learn(
          image,
          back.map((error, unit) => ((activations[unit] ?? 0) > 0 ? error : 0)),
        );
      }
      step++;
      const rate = training.learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / stepsMax));
      for (const layer of [hidden, output]) layer.step(rate, batch.length, step);
    }
  }
  return { mean, deviation, hidden, output };
}

class TrainedLayer implements Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly biases: Float32Array;
  readonly #ofWeights: Descent;
  readonly #ofBiases: Descent;

  constructor(inputs: number, outputs: number, random: Random) {
    this.inputs = inputs;
    this.outputs = outputs;
    const spread = Math.sqrt(2 / inputs);
    this.weights = Float32Array.from({ length: inputs * outputs }, () => spread * random.normal());
    this.biases = new Float32Array(outputs);
    this.#ofWeights = new Descent(this.weights);
    this.#ofBiases = new Descent(this.biases);
  }

  apply(values: Float32Array): Float32Array {
    const sums = this.biases.slice();
    for (let input = 0; input < this.inputs; input++) {
      const value = values[input] ?? 0;
      if (value === 0) continue;
      const line = input * this.outputs;
      for (let unit = 0; unit < this.outputs; unit++) {
        sums[unit] = (sums[unit] ?? 0) + value * (this.weights[line + unit] ?? 0);
      }
    }
    return sums;
  }

  /** Adds to the gradients, and tells what the errors are of what came in. */
  learn(values: Float32Array, errors: Float32Array): Float32Array {
    const back = new Float32Array(this.inputs);
    const { gradients } = this.#ofWeights;
    for (let input = 0; input < this.inputs; input++) {
      const value = values[input] ?? 0;
      const line = input * this.outputs;
      let sum = 0;
      for (let unit = 0; unit < this.outputs; unit++) {
        const error = errors[unit] ?? 0;
        gradients[line + unit] = (gradients[line + unit] ?? 0) + value * error;
        sum += error * (this.weights[line + unit] ?? 0);
      }
      back[input] = sum;
    }
    for (let unit = 0; unit < this.outputs; unit++) {
      this.#ofBiases.gradients[unit] = (this.#ofBiases.gradients[unit] ?? 0) + (errors[unit] ?? 0);
    }
    return back;
  }

  step(rate: number, count: number, number: number): void {
    this.#ofWeights.step(rate, count, number);
    this.#ofBiases.step(rate, count, number);
  }
}

/** Adam, for one array of numbers. Source: Kingma and Ba, arXiv:1412.6980. */
class Descent {
  readonly gradients: Float32Array;
  readonly #values: Float32Array;
  readonly #first: Float32Array;
  readonly #second: Float32Array;

  constructor(values: Float32Array) {
    this.#values = values;
    this.gradients = new Float32Array(values.length);
    this.#first = new Float32Array(values.length);
    this.#second = new Float32Array(values.length);
  }

  step(rate: number, count: number, number: number): void {
    const [keepFirst, keepSecond] = [0.9, 0.999];
    const [lackFirst, lackSecond] = [1 - keepFirst ** number, 1 - keepSecond ** number];
    for (let index = 0; index < this.#values.length; index++) {
      const gradient = (this.gradients[index] ?? 0) / count;
      const first = keepFirst * (this.#first[index] ?? 0) + (1 - keepFirst) * gradient;
      const second = keepSecond * (this.#second[index] ?? 0) + (1 - keepSecond) * gradient ** 2;
      this.#first[index] = first;
      this.#second[index] = second;
      const change = (rate * first) / lackFirst / (Math.sqrt(second / lackSecond) + 1e-8);
      this.#values[index] = (this.#values[index] ?? 0) - change;
    }
    this.gradients.fill(0);
  }
}

function softmax(sums: Float32Array): Float32Array {
  const largest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function spreadOf(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}
