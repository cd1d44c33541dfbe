// Validates an AsyncAPI document by AsyncAPI's own parser, and by it documents that are wrong, to see that it would tell.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const ERROR = 0;
const text = readFileSync(process.argv[2], "utf8");

async function errorsOf(document) {
  const { diagnostics } = await new Parser().parse(document);
  return diagnostics.filter(({ severity }) => severity === ERROR).map(({ path, message }) => `${path.join("/")}: ${message}`);
}

const mistakes = {
  "an unknown action": text.replace('"action": "receive"', '"action": "subscribe"'),
  "a channel that is not there": text.replace('"$ref": "#/channels/received"', '"$ref": "#/channels/nowhere"'),
  "a schema that is none": text.replace('"type": "object"', '"type": "thing"'),
};

const errors = await errorsOf(text);
for (const [mistake, wrong] of Object.entries(mistakes)) {
  if (wrong === text || (await errorsOf(wrong)).length === 0) errors.push(`the parser let through ${mistake}`);
}
if (errors.length) {
  console.error(errors.join("\n"));
  process.exit(1);
}
const { channels, operations, components } = JSON.parse(text);
const counts = [channels, operations, components.messages].map((part) => Object.keys(part).length);
console.log(`valid: ${counts[0]} channels, ${counts[1]} operations, ${counts[2]} messages`);
