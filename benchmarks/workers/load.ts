// Enqueues as many jobs as it is told, and says when all are done.
const IN_FLIGHT = 20;

export default {
  async fetch(request: Request, env: any) {
    const [method, ...args] = await request.json() as any[];
    return Response.json(await calls[method](env, ...args) ?? null);
  },
};

const calls: Record<string, (env: any, ...args: any[]) => any> = {
  call: (env, method, ...args) => env.KIRIBI[method](...args),

  bulk: async (env, jobs: number) => {
    for (let first = 0; first < jobs; first += 100) {
      const batch = Array.from({ length: Math.min(100, jobs - first) }, (_, i) => ["NOOP", { n: first + i }]);
      await env.KIRIBI.enqueueMany(batch);
    }
  },

  // as independent callers would, so many at a time
  each: async (env, jobs: number) => {
    let next = 0;
    await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
      while (next < jobs) await env.KIRIBI.enqueue("NOOP", { n: next++ });
    }));
  },

  completed: async (env, table: string) =>
    (await env.KIRIBI_DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE status = 'COMPLETED'`).first()).n,

  rest: async (env, path: string) => {
    const response = await env.KIRIBI.fetch(`http://jobs.example.com${path}`);
    return [response.status, await response.text()];
  },
};
