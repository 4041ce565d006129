/** The life of a container, as the OCI project's validation programs look at it: with every runtime of this host. */

import { LIFE } from "./_oci_life.ts";
import { validate } from "./_oci_validation.ts";

validate("The life of a container", LIFE);
