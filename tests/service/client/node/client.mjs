// A client that knows nothing of Sharecast but its proto files. Standard input says where the server is and what to ask
// (JSON); every answer goes to standard output as one JSON document.

import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const given = JSON.parse(readFileSync(0, "utf8"));

const definitions = protoLoader.loadSync(given.files, {
  includeDirs: given.folders,
  keepCase: true,
  longs: String, // a seed of 64 bits and an identifier are more than a number of JavaScript holds
  enums: String,
  defaults: true,
});
const { sharecast, grpc: standard } = grpc.loadPackageDefinition(definitions);
const api = sharecast.v1;

const credentials = given.ca ? grpc.credentials.createSsl(readFileSync(given.ca)) : grpc.credentials.createInsecure();
const forecasts = new api.ForecastService(given.address, credentials);
const markets = new api.MarketService(given.address, credentials);
const jobs = new api.JobService(given.address, credentials);
const health = new standard.health.v1.Health(given.address, credentials);

const PATIENCE = 300_000; // milliseconds

function metadata() {
  const found = new grpc.Metadata();
  if (given.key) found.set("authorization", `Bearer ${given.key}`);
  return found;
}

const later = (milliseconds = PATIENCE) => ({ deadline: Date.now() + milliseconds });

function unary(client, method, request, { sent = metadata(), within = PATIENCE } = {}) {
  return new Promise((resolve, reject) => {
    client[method](request, sent, later(within), (error, response) => (error ? reject(error) : resolve(response)));
  });
}

async function streamed(call) {
  const responses = [];
  for await (const response of call) responses.push(response);
  return responses;
}

function details(status) {
  const unpacked = status.details.map(({ type_url: url, value }) => {
    const type = url.split("/").pop();
    return [type, definitions[type].deserialize(value)];
  });
  return Object.fromEntries(unpacked);
}

// Outcomes of many markets; the error of one in the form of `failure`.
function outcomes(responses) {
  return responses.flatMap((each) => each.outcomes).map(({ market, forecast, error }) => {
    return error ? { market, error: { code: grpc.status[error.code], details: details(error) } } : { market, forecast };
  });
}

// What a failed call tells: its code and text, and the details of google.rpc that travel in its trailer, by type.
function failure(error) {
  if (error.code === undefined) throw error;
  const told = { code: grpc.status[error.code], text: error.details, details: {} };
  const [packed] = error.metadata.get("grpc-status-details-bin");
  if (packed) {
    const status = definitions["google.rpc.Status"].deserialize(packed);
    told.status_code = grpc.status[status.code];
    told.details = details(status);
  }
  told.request_id = error.metadata.get("x-request-id")[0] ?? null;
  return told;
}

const failed = (promise) =>
  promise.then((found) => {
    throw new Error(`no error, but ${JSON.stringify(found).slice(0, 200)}`);
  }, failure);

async function pages(client, method, items, request) {
  const found = [];
  let token = "";
  let count = 0;
  do {
    const page = await unary(client, method, { ...request, page_token: token });
    found.push(...page[items]);
    token = page.next_page_token;
    count += 1;
  } while (token);
  return { [items]: found, pages: count };
}

function imported() {
  return new Promise((resolve, reject) => {
    const call = markets.ImportFigures(metadata(), later(), (error, response) =>
      error ? reject(error) : resolve(response),
    );
    for (const message of given.import) call.write(message);
    call.end();
  });
}

async function job() {
  const created = (await unary(jobs, "CreateForecastJob", given.job)).job;
  const again = (await unary(jobs, "CreateForecastJob", given.job)).job;
  const watched = await streamed(jobs.WatchForecastJob({ job_id: created.job_id }, metadata(), later()));
  const listed = await pages(jobs, "ListForecastJobs", "jobs", { page_size: 1 });
  return {
    created,
    again: again.job_id,
    last: watched.at(-1).job,
    outcomes: outcomes(watched),
    listed: listed.jobs.map((each) => each.job_id),
  };
}

// A long backtest, left after its first word.
async function cancelled() {
  const call = forecasts.Backtest(given.long, metadata(), later());
  const told = { before: 0 };
  try {
    for await (const response of call) {
      told.before += response.progress ? 1 : 0;
      call.cancel();
    }
  } catch (error) {
    told.code = failure(error).code;
  }
  return told;
}

function firstWord(call) {
  return new Promise((resolve, reject) => {
    call.on("error", (error) => (error.code === grpc.status.CANCELLED ? undefined : reject(error)));
    call.on("data", (response) => {
      resolve(response.status);
      call.cancel();
    });
  });
}

const asked = {
  forecast: () => unary(forecasts, "Forecast", given.forecast),
  inline: () => unary(forecasts, "Forecast", given.inline),
  history: () => unary(markets, "GetHistory", given.history),
  markets: () => pages(markets, "ListMarkets", "markets", { page_size: 2 }),
  figures: () => pages(markets, "ListFigures", "figures", given.figures),
  models: () => pages(forecasts, "ListModels", "models", { page_size: 3 }),
  stream: async () => outcomes(await streamed(forecasts.StreamForecasts(given.stream, metadata(), later()))),
  backtest: () => streamed(forecasts.Backtest(given.backtest, metadata(), later())),
  imported,
  job,
  argument: () => failed(unary(forecasts, "Forecast", { ...given.forecast, horizon: 41 })),
  table: () => failed(unary(forecasts, "Forecast", given.wrong)),
  unknown: () => failed(unary(forecasts, "Forecast", { market: "nowhere" })),
  nobody: () => failed(unary(markets, "ListMarkets", {}, { sent: new grpc.Metadata() })),
  deadline: () => failed(streamed(forecasts.Backtest(given.long, metadata(), later(300)))),
  cancelled,
  health: () => unary(health, "Check", {}, { sent: new grpc.Metadata() }),
  service: () => unary(health, "Check", { service: "sharecast.v1.ForecastService" }, { sent: new grpc.Metadata() }),
  nothing: () => failed(unary(health, "Check", { service: "nothing" }, { sent: new grpc.Metadata() })),
  watch: () => firstWord(health.Watch({}, later())),
};

const answers = {};
for (const name of given.ask) answers[name] = await asked[name]();
for (const client of [forecasts, markets, jobs, health]) client.close();

// JSON has no NaN, which protobuf writes as a text.
const numbers = (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
process.stdout.write(JSON.stringify(answers, numbers));
