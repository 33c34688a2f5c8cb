// What npm kiribi 0.2 asks of D1 and the queue for a job, and nothing else it does: a table with
// eight indexes; INSERT and a message with the whole row at `enqueue`; SELECT, UPDATE, perform over
// a service binding and UPDATE for each message, all messages of a batch side by side.
import { WorkerEntrypoint } from "cloudflare:workers";

const INDEXED = ["binding", "status", "createdAt", "startedAt", "finishedAt", "completedAt", "attempts", "processingTime"];
const TABLE = `CREATE TABLE Job (
  id TEXT NOT NULL PRIMARY KEY, binding TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'PENDING',
  attempts INTEGER NOT NULL DEFAULT 0, payload TEXT NOT NULL, params TEXT, result TEXT,
  createdAt DATETIME NOT NULL, updatedAt DATETIME NOT NULL, startedAt DATETIME,
  finishedAt DATETIME, completedAt DATETIME, processingTime INTEGER)`;

const bill = { trips: 0, read: 0, written: 0 };

export default class Replay extends WorkerEntrypoint<any> {
  private async row(sql: string, ...params: unknown[]): Promise<any> {
    const { results, meta } = await this.env.KIRIBI_DB.prepare(sql).bind(...params).all();
    bill.trips += 1;
    bill.read += meta.rows_read;
    bill.written += meta.rows_written;
    return results[0];
  }

  async setUp() {
    await this.row(TABLE);
    for (const name of INDEXED) await this.row(`CREATE INDEX Job_${name}_idx ON Job (${name})`);
  }

  async enqueue(binding: string, payload: unknown) {
    const now = Math.floor(Date.now() / 1000);
    const job = await this.row(
      `INSERT INTO Job (id, binding, status, attempts, payload, params, result, createdAt, updatedAt,
        startedAt, finishedAt, completedAt, processingTime)
       VALUES (?, ?, 'PENDING', 0, ?, NULL, NULL, ?, ?, NULL, NULL, NULL, NULL) RETURNING *`,
      crypto.randomUUID(), binding, JSON.stringify(payload), now, now,
    );
    await this.env.KIRIBI_QUEUE.send(job);
  }

  async queue(batch: any) {
    await Promise.allSettled(batch.messages.map(async (message: any) => {
      const found = await this.row("SELECT * FROM Job WHERE id = ? LIMIT 1", message.body.id);
      if (found?.status !== "PENDING") return message.ack();
      const started = Date.now();
      const seconds = Math.floor(started / 1000);
      await this.row(
        "UPDATE Job SET status = 'PROCESSING', attempts = ?, startedAt = ?, updatedAt = ? WHERE id = ? RETURNING *",
        found.attempts + 1, seconds, seconds, found.id,
      );
      await this.env[found.binding].perform(JSON.parse(found.payload));
      const ended = Date.now();
      const done = Math.floor(ended / 1000);
      const result = [{ status: "success", error: null, startedAt: started, finishedAt: ended, processingTime: ended - started }];
      await this.row(
        `UPDATE Job SET status = 'COMPLETED', result = ?, updatedAt = ?, finishedAt = ?, completedAt = ?,
          processingTime = ? WHERE id = ? RETURNING *`,
        JSON.stringify(result), done, done, done, ended - started, found.id,
      );
      message.ack();
    }));
    batch.ackAll();
  }

  billed() {
    const told = { ...bill };
    bill.trips = bill.read = bill.written = 0;
    return told;
  }

  async fetch() {
    return new Response("npm kiribi, replayed");
  }
}
