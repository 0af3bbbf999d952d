ALTER TABLE `runs` DROP COLUMN `wake_at`;--> statement-breakpoint
ALTER TABLE `submissions` DROP COLUMN `wake_at`;