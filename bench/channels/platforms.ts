/** The platforms that `npm run bench -- channels` knows, in the order in which it measures them. */
import type { BenchPlatform } from "./platform.ts";
import { discord } from "./discord.ts";
import { email } from "./email.ts";
import { slack } from "./slack.ts";
import { telegram } from "./telegram.ts";
import { whatsapp } from "./whatsapp.ts";
import { whatsappCloud } from "./whatsapp-cloud.ts";

export const PLATFORMS: readonly BenchPlatform[] = [telegram, discord, slack, email, whatsappCloud, whatsapp];
