/** What a container's program finds, as the OCI project's validation programs look at it: with every runtime of this host. */

import { INSIDE } from "./_oci_inside.ts";
import { validate } from "./_oci_validation.ts";

validate("What a container's program finds", INSIDE);
