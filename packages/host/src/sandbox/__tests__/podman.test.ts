/** Podman, with an engine of the test's own. */
import { podman } from "../container/oci.ts";
import { containersContract } from "./containers-contract.ts";
import { startPodman } from "./engines.ts";

containersContract(podman, startPodman);
