import type { Random } from "./random.ts";

/** The images are squares of so many pixels. */
export const SIDE = 8;

/** Images, one after the other, each line by line, from 0, which is paper, to 1, which is ink; and what they show. */
export interface Drawings {
  readonly images: Float32Array;
  readonly digits: Uint8Array;
}

type Point = readonly [x: number, y: number];

/** The strokes of each digit, in a square from 0 to 1, y downwards. Some are written in more than one way. */
const STROKES: readonly (readonly (readonly (readonly Point[])[])[])[] = [
  [[oval(0.5, 0.5, 0.28, 0.4)]],
  [[line([0.5, 0.1], [0.5, 0.9])], [line([0.3, 0.3], [0.52, 0.1], [0.52, 0.9])]],
  [[line([0.22, 0.28], [0.35, 0.12], [0.6, 0.1], [0.76, 0.25], [0.7, 0.45], [0.22, 0.9], [0.8, 0.9])]],
  [[line([0.24, 0.14], [0.6, 0.1], [0.74, 0.28], [0.45, 0.47], [0.76, 0.65], [0.62, 0.88], [0.22, 0.86])]],
  [
    [line([0.6, 0.1], [0.2, 0.62], [0.82, 0.62]), line([0.62, 0.4], [0.62, 0.92])],
    [line([0.25, 0.1], [0.22, 0.55], [0.78, 0.55]), line([0.72, 0.1], [0.72, 0.92])],
  ],
  [[line([0.75, 0.1], [0.3, 0.1], [0.27, 0.45], [0.6, 0.42], [0.77, 0.62], [0.62, 0.88], [0.22, 0.86])]],
  [[line([0.68, 0.1], [0.38, 0.32], [0.26, 0.65]), oval(0.5, 0.67, 0.24, 0.23)]],
  [
    [line([0.22, 0.1], [0.78, 0.1], [0.42, 0.9])],
    [line([0.22, 0.1], [0.78, 0.1], [0.42, 0.9]), line([0.35, 0.5], [0.7, 0.5])],
  ],
  [[oval(0.5, 0.29, 0.21, 0.19), oval(0.5, 0.69, 0.26, 0.21)]],
  [[oval(0.48, 0.33, 0.23, 0.22), line([0.71, 0.33], [0.68, 0.6], [0.55, 0.9])]],
];

/** Draws digits as different hands would: turned, slanted, stretched, moved, with a thick or a thin pen, on dirty paper. */
export function drawDigits(count: number, random: Random): Drawings {
  const images = new Float32Array(count * SIDE * SIDE);
  const digits = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const digit = index % STROKES.length;
    digits[index] = digit;
    images.set(draw(digit, random), index * SIDE * SIDE);
  }
  return { images, digits };
}

function draw(digit: number, random: Random): Float32Array {
  const ways = STROKES[digit] ?? [];
  const strokes = ways[Math.floor(random.next() * ways.length)] ?? [];
  const move = hand(random);
  const moved = strokes.map((points) => points.map(([x, y]) => move(x, y)));
  const pen = random.between(0.07, 0.14);
  const dirt = random.between(0, 0.25);
  const image = new Float32Array(SIDE * SIDE);
  for (let pixel = 0; pixel < image.length; pixel++) {
    const at: Point = [((pixel % SIDE) + 0.5) / SIDE, (Math.floor(pixel / SIDE) + 0.5) / SIDE];
    const distance = Math.min(...moved.map((points) => distanceToStroke(at, points)));
    // Ink fades out over the width of a pixel.
    const ink = clamp((pen - distance) * SIDE + 0.5);
    image[pixel] = clamp(ink + dirt * random.normal());
  }
  return image;
}

/** How one hand bends a digit out of shape. */
function hand(random: Random): (x: number, y: number) => Point {
  const turn = random.between(-0.3, 0.3);
  const slant = random.between(-0.25, 0.25);
  const [width, height] = [random.between(0.75, 1.1), random.between(0.8, 1.1)];
  const [right, down] = [random.between(-0.07, 0.07), random.between(-0.07, 0.07)];
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  return (x, y) => {
    const [fromLeft, fromTop] = [(x - 0.5 - slant * (y - 0.5)) * width, (y - 0.5) * height];
    return [0.5 + right + fromLeft * cosine - fromTop * sine, 0.5 + down + fromLeft * sine + fromTop * cosine];
  };
}

function distanceToStroke([x, y]: Point, points: readonly Point[]): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let index = 1; index < points.length; index++) {
    const [[fromX, fromY], [toX, toY]] = [points[index - 1] ?? [0, 0], points[index] ?? [0, 0]];
    const [alongX, alongY] = [toX - fromX, toY - fromY];
    const part = clamp(((x - fromX) * alongX + (y - fromY) * alongY) / (alongX ** 2 + alongY ** 2));
    nearest = Math.min(nearest, Math.hypot(x - fromX - part * alongX, y - fromY - part * alongY));
  }
  return nearest;
}

function line(...points: readonly Point[]): readonly Point[] {
  return points;
}

function oval(x: number, y: number, width: number, height: number): readonly Point[] {
  const corners = 16;
  return Array.from({ length: corners + 1 }, (_, corner): Point => {
    const angle = (2 * Math.PI * corner) / corners;
    return [x + width * Math.cos(angle), y + height * Math.sin(angle)];
  });
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
