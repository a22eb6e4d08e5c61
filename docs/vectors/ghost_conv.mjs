// A GhostConv in plain JavaScript, for the test vectors of the suite.
//
//   ghost-conformance vectors export build/vectors
//   node docs/vectors/ghost_conv.mjs build/vectors build/outputs
//   ghost-conformance vectors check build/vectors --outputs build/outputs
//
// It reads and writes safetensors by hand: eight bytes of length, a JSON header, the data.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const [folder, outputs] = process.argv.slice(2);
const TIERS = ["exact", "module", "special"];

function readTensors(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8"));
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const data = new Uint8Array(bytes.subarray(8 + length + begin, 8 + length + end)).buffer;
    tensors[name] = { shape: entry.shape, data: new Float32Array(data) };
  }
  return tensors;
}

function writeTensor(path, name, { shape, data }) {
  const header = JSON.stringify({
    [name]: { dtype: "F32", shape, data_offsets: [0, data.byteLength] },
  });
  const padded = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([length, padded, Buffer.from(data.buffer)]));
}

const pair = (value) => (Array.isArray(value) ? value : [value, value]);

function convolve(x, weight, bias, { stride, padding, dilation, groups }) {
  const [batch, channels, height, width] = x.shape;
  const [out, perGroup, rows, columns] = weight.shape;
  const size = (input, axis, kernel) =>
    Math.floor((input + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
  const shape = [batch, out, size(height, 0, rows), size(width, 1, columns)];
  const data = new Float32Array(shape.reduce((a, b) => a * b));
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < out; o++) {
      const first = Math.floor(o / (out / groups)) * perGroup;
      for (let i = 0; i < shape[2]; i++)
        for (let j = 0; j < shape[3]; j++) {
          let sum = 0;
          for (let c = 0; c < perGroup; c++)
            for (let a = 0; a < rows; a++)
              for (let b = 0; b < columns; b++) {
                const y = i * stride[0] + a * dilation[0] - padding[0];
                const z = j * stride[1] + b * dilation[1] - padding[1];
                const inside = y >= 0 && y < height && z >= 0 && z < width;
                const index = ((n * channels + first + c) * height + y) * width + z;
                const kernel = ((o * perGroup + c) * rows + a) * columns + b;
                // A padded position counts as zero, and zero times infinity is NaN.
                sum += weight.data[kernel] * (inside ? x.data[index] : 0);
              }
          data[at++] = sum + (bias ? bias.data[o] : 0);
        }
    }
  return { shape, data };
}

function normalise(x, half, eps) {
  const plane = x.shape[2] * x.shape[3];
  const data = x.data.map((value, index) => {
    const c = Math.floor(index / plane) % x.shape[1];
    const deviation = Math.sqrt(half.running_var[c] + eps);
    return ((value - half.running_mean[c]) / deviation) * half.weight[c] + half.bias[c];
  });
  return { shape: x.shape, data };
}

const clip6 = (x) => (Number.isNaN(x) ? x : Math.min(Math.max(x, 0), 6));
const ACTIVATIONS = {
  relu: (x) => (Number.isNaN(x) ? x : Math.max(x, 0)),
  relu6: clip6,
  silu: (x) => x / (1 + Math.exp(-x)),
  hard_swish: (x) => (x * clip6(x + 3)) / 6,
  identity: (x) => x,
};

function activation(text) {
  const [name, slope] = text.split(":");
  return slope ? (x) => (x > 0 ? x : x * Number(slope)) : ACTIVATIONS[name];
}

function half(x, tensors, name, config, geometry) {
  const vectors = {};
  for (const key of ["weight", "bias", "running_mean", "running_var"])
    vectors[key] = tensors[`weight.${name}.1.${key}`].data;
  const [kernel, bias] = ["weight", "bias"].map((key) => tensors[`weight.${name}.0.${key}`]);
  const convolved = convolve(x, kernel, bias, geometry);
  const normed = normalise(convolved, vectors, config.bn_eps ?? 1e-5);
  return { ...normed, data: normed.data.map(activation(config.activation ?? "relu")) };
}

function concatenate(halves, channels) {
  const [batch, , height, width] = halves[0].shape;
  const plane = height * width;
  const data = new Float32Array(batch * channels * plane);
  for (let n = 0; n < batch; n++) {
    let to = 0;
    for (const { shape, data: from } of halves)
      for (let c = 0; c < shape[1] && to < channels; c++, to++) {
        const start = (n * shape[1] + c) * plane;
        data.set(from.subarray(start, start + plane), (n * channels + to) * plane);
      }
  }
  return { shape: [batch, channels, height, width], data };
}

function ghostConv(config, tensors) {
  const primary = half(tensors.input, tensors, "primary_conv", config, {
    stride: pair(config.stride ?? 1),
    padding: pair(config.padding ?? 0),
    dilation: pair(config.dilation ?? 1),
    groups: config.groups ?? 1,
  });
  const halves = [primary];
  const kernel = tensors["weight.cheap_conv.0.weight"];
  if (kernel) {
    const dilation = pair(config.dw_dilation ?? 1);
    const padding = pair((dilation[0] * (kernel.shape[2] - 1)) / 2);
    const geometry = { stride: [1, 1], padding, dilation, groups: primary.shape[1] };
    halves.push(half(primary, tensors, "cheap_conv", config, geometry));
  }
  return concatenate(halves, config.c_out);
}

const { cases } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
for (const each of cases.filter(({ tier }) => TIERS.includes(tier))) {
  const output = ghostConv(each.config, readTensors(join(folder, each.inputs)));
  writeTensor(join(outputs, each.tier, `${each.id}.safetensors`), "output", output);
}
