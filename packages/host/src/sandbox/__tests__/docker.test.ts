/** Docker, with an engine of the test's own. */
import { docker } from "../container/oci.ts";
import { containersContract } from "./containers-contract.ts";
import { startDockerd } from "./engines.ts";

containersContract(docker, startDockerd);
