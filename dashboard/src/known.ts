// The bindings that the server knows, for forms.

import { useEffect, useState } from "preact/hooks";
import { explainError } from "./actions";
import * as api from "./api";
import type { BindingDetails } from "./types";

export function useKnown(): { known: readonly BindingDetails[]; problem: string } {
  const [known, setKnown] = useState<BindingDetails[]>([]);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api.bindings().then(setKnown, (error: unknown) => setProblem(explainError(error)));
  }, []);
  return { known, problem };
}
