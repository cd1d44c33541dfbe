// Declares a stream, sends events, labels them and asks for predictions, by clients that are generated from the services'
// OpenAPI documents alone. What the documents say wrongly fails in the compiler, or here.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import * as ingestion from "./generated/ingestion";
import { client as ingestionClient } from "./generated/ingestion/client.gen";
import * as registry from "./generated/registry";
import { client as registryClient } from "./generated/registry/client.gen";
import * as server from "./generated/server";
import { client as serverClient } from "./generated/server/client.gen";

registryClient.setConfig({ baseUrl: process.env.PENSTOCK_URL! });
const { data: deployment } = await registry.getDeploymentV1DeploymentGet({ throwOnError: true });
ingestionClient.setConfig({ baseUrl: deployment.services["ingestion"]! });
serverClient.setConfig({ baseUrl: deployment.services["server"]! });

const path = { stream: "typescript-loans" };
const row = (customer: string, amount: number | null) => ({ customer, amount });

/** Asks again while a service has not read of the stream, or of the record, yet. */
async function settled<T>(ask: () => Promise<{ data?: T; error?: unknown; response?: Response }>): Promise<NonNullable<T>> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const { data, error, response } = await ask();
    if (data !== undefined && data !== null) return data;
    assert.ok(response && [404, 503].includes(response.status), JSON.stringify(error));
    await setTimeout(100);
  }
  throw new Error("it did not settle within half a minute");
}

const declared = await registry.applyDeclarationV1StreamsStreamPut({
  path,
  headers: { "content-type": "application/json" },
  body: {
    name: path.stream,
    task: "binary",
    entity: "customer",
    label: { name: "defaulted", classes: ["no", "yes"] },
    fields: { customer: { type: "category", feature: false }, amount: { type: "number", min: 0, outside: "refuse" } },
  },
  throwOnError: true,
});
assert.equal(declared.data.status, "created");

const one = await settled(() => ingestion.postV1StreamsStreamEvents({ path, body: { id: "t-1", data: row("c-1", 10.5) } }));
assert.deepEqual(one, { id: "t-1", status: "accepted" });

const batch = [
  { id: "t-2", data: row("c-1", null) },
  { id: "t-3", data: row("c-2", -1) },
];
const { data: verdicts } = await ingestion.postV1StreamsStreamEvents({ path, body: batch, throwOnError: true });
assert.ok("refused" in verdicts);
assert.deepEqual([verdicts.accepted, verdicts.refused.map(({ index, code, field }) => [index, code, field])], [
  1,
  [[1, "out_of_range", "amount"]],
]);

const refused = await ingestion.postV1StreamsStreamEvents({ path, body: { id: "t-4", data: { unit: "EUR" } } });
assert.equal(refused.error && "code" in refused.error && refused.error.code, "extra_field");

const answer = await settled(() => ingestion.getV1StreamsStreamPredictionsId({ path: { ...path, id: "t-1" } }));
assert.equal(answer.status, "predicted");
assert.equal(typeof answer.prediction?.value, "string");

const predicted = await settled(() =>
  server.postV1StreamsStreamPredict({ path, body: [{ id: "t-5", data: row("c-3", 1) }, { data: row("c-4", -1) }] }),
);
assert.ok(Array.isArray(predicted));
const [prediction, refusal] = predicted;
assert.ok(prediction && "probabilities" in prediction && refusal && "code" in refusal);
assert.deepEqual([prediction.id, Object.keys(prediction.probabilities ?? {})], ["t-5", ["no", "yes"]]);
assert.deepEqual([refusal.status, refusal.code], [422, "out_of_range"]);

const labels = [
  { event_id: "t-1", entity: "c-1", value: "no" },
  { event_id: "t-5", entity: "c-3", value: "yes" },
];
const labelled = await ingestion.postV1StreamsStreamLabels({ path, body: labels, throwOnError: true });
assert.deepEqual(labelled.data, { accepted: 2, refused: [] });

const report = await settled(async () => {
  const { data, error, response } = await registry.getQualityV1StreamsStreamQualityGet({ path, query: { by: "version" } });
  if (data && data.matured.labelled + data.provisional.labelled < 2) return { response: new Response(null, { status: 503 }) };
  return { data, error, response };
});
assert.deepEqual(report.by, ["version"]);
console.log("sent, answered, predicted, labelled and judged from TypeScript");
