ALTER TABLE `instances` ADD `cordon` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `draining` text;--> statement-breakpoint
ALTER TABLE `instances` ADD `upgrade` text;