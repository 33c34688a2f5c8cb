import { describe, expect, it } from "vitest";
import { extended, opened, PAGE, refreshed, revealed, unseen } from "../src/listing";
import type { Job, Page, Status } from "../src/types";

const job = (id: string, status: Status = "PENDING"): Job => ({
  id,
  binding: "A",
  status,
  attempts: 0,
  failures: 0,
  crashes: 0,
  priority: 0,
  createdAt: "",
  updatedAt: "",
  dueAt: "",
  startedAt: null,
  finishedAt: null,
  completedAt: null,
  processingTime: null,
  payload: null,
  error: null,
  progress: null,
  worker: null,
  cancelRequested: false,
  duplicate: false,
});
const page = (...ids: string[]): Page => ({
  jobs: ids.map((id) => job(id)),
  next: "n",
  lookedBackTo: null,
});
const ids = (jobs: readonly Job[]) => jobs.map(({ id }) => id);

describe("refreshed", () => {
  it("holds new jobs back and leaves the rows where they are", () => {
    const listing = refreshed(
      opened(page("3", "2", "1")),
      page("5", "4", "3"),
      ["2", "1"],
      [job("2"), job("1")],
    );
    expect(ids(listing.rows)).toEqual(["3", "2", "1"]);
    expect(ids(listing.fresh)).toEqual(["5", "4"]);
  });

  it("updates rows in place, even those that match no more", () => {
    const listing = refreshed(opened(page("2", "1")), page("2"), ["1"], [job("1", "COMPLETED")]);
    expect(listing.rows.map(({ status }) => status)).toEqual(["PENDING", "COMPLETED"]);
  });

  it("marks what was deleted and keeps its place", () => {
    const listing = refreshed(opened(page("2", "1")), page("2"), ["1"], []);
    expect(ids(listing.rows)).toEqual(["2", "1"]);
    expect([...listing.gone]).toEqual(["1"]);
    expect(unseen(listing, page("2"))).toEqual([]);
  });

  it("fills an empty list at once: nothing could jump", () => {
    const listing = refreshed(opened(page()), page("1"), [], []);
    expect(ids(listing.rows)).toEqual(["1"]);
    expect(listing.fresh).toEqual([]);
  });

  it("on an older page takes in no new jobs", () => {
    const listing = refreshed(opened(page("2", "1")), null, ["2", "1"], [job("2"), job("1")]);
    expect(listing.fresh).toEqual([]);
    expect(ids(listing.rows)).toEqual(["2", "1"]);
  });
});

describe("unseen", () => {
  it("asks only for rows that the newest page does not show", () => {
    expect(unseen(opened(page("3", "2", "1")), page("4", "3", "2"))).toEqual(["1"]);
    expect(unseen(opened(page("2", "1")), null)).toEqual(["2", "1"]);
  });
});

describe("revealed", () => {
  it("puts waiting jobs on top and drops deleted rows", () => {
    const waiting = refreshed(opened(page("2", "1")), page("3", "2"), ["1"], []);
    const listing = revealed(waiting);
    expect(ids(listing.rows)).toEqual(["3", "2"]);
    expect(listing.fresh).toEqual([]);
    expect(listing.gone.size).toBe(0);
  });

  it("starts over where so many came that some may lie between", () => {
    const listing = revealed(refreshed(opened(page("1")), page("9", "8"), ["1"], [job("1")]));
    expect(ids(listing.rows)).toEqual(["9", "8"]);
  });
});

describe("extended", () => {
  it("appends what was found further back, once", () => {
    const listing = extended(opened(page("3", "2")), { ...page("2", "1"), next: null });
    expect(ids(listing.rows)).toEqual(["3", "2", "1"]);
    expect(listing.next).toBeNull();
  });
});

describe("stoppedAt", () => {
  const many = Array.from({ length: PAGE }, (_, n) => String(n));

  it("is set where a page is not full and yet there is more", () => {
    expect(opened({ ...page("1"), lookedBackTo: "t" }).stoppedAt).toBe("t");
  });

  it("is not, where the page is full or all was seen", () => {
    expect(opened({ ...page(...many), lookedBackTo: "t" }).stoppedAt).toBeNull();
    expect(opened({ ...page("1"), next: null }).stoppedAt).toBeNull();
  });
});
