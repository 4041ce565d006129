/** Namespaces and control groups, as the OCI project's validation programs look at it: with every runtime of this host. */

import { RESOURCES } from "./_oci_resources.ts";
import { validate } from "./_oci_validation.ts";

validate("Namespaces and control groups", RESOURCES);
