/** The tag of a container's records: a template of Go's over what is known of the container. */

import {
  execute,
  parseTemplate,
  type Struct,
  TemplateError,
  TemplateSyntaxError,
} from "../std/go_template/mod.ts";
import { cannotBegin, type Options } from "./_option_values.ts";
import type { LogSubject } from "./_subject.ts";

/** Docker's ID for people. */
const SHORT = 12;

/** Reads the option `tag`. @throws {FathomError} naming what is wrong with the template, as Docker does. */
export function tagOf(options: Options, subject: LogSubject, byDefault: string): string {
  const template = options.tag || byDefault;
  // By far the most have none, or no template.
  if (!template.includes("{{")) return template;
  try {
    return execute(parseTemplate(template), infoOf(subject, options), {
      missingField: (field) => `can't evaluate field ${field} in type *logger.Info`,
    });
  } catch (error) {
    if (error instanceof TemplateError || error instanceof TemplateSyntaxError)
      throw cannotBegin(inDockersWords(error.message));
    throw error;
  }
}

/** The fields and methods of Docker's logger.Info. */
function infoOf(subject: LogSubject, options: Options): Struct {
  const { id, name, imageId, imageName, path, args } = subject;
  return {
    ID: id.slice(0, SHORT),
    FullID: id,
    Name: name,
    ImageID: imageId.slice(0, SHORT),
    ImageFullID: imageId,
    ImageName: imageName,
    // What the rules of syslog servers look for.
    DaemonName: "docker",
    Hostname: subject.hostname,
    Command: [path, ...args].join(" "),
    Config: new Map(Object.entries(options)),
    ContainerID: id,
    ContainerName: `/${name}`,
    ContainerEntrypoint: path,
    ContainerArgs: args,
    ContainerImageID: imageId,
    ContainerImageName: imageName,
    ContainerCreated: subject.created,
    ContainerEnv: subject.env,
    ContainerLabels: new Map(Object.entries(subject.labels)),
  };
}

function inDockersWords(message: string): string {
  return message
    .replace("template: :", "template: log-tag:")
    .replace('executing "" at', 'executing "log-tag" at');
}
