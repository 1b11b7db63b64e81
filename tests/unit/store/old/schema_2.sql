PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE meta (
         name TEXT PRIMARY KEY,
         value TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES('schema','2');
INSERT INTO meta VALUES('plan_key','26ad041437c73a8e1899cd71332bfe0e3a5d3db6c437895b433c5098b5240aa6');
INSERT INTO meta VALUES('audit_head','11 14d549815a508995eb94f5d94d5a899d1dca5aaf87c83b7ab9ecb449fa7aefb6 04857540fd5f8f5345d2de3511cf289109cd0e840d63cf2a20c0c39f92569e7e');
INSERT INTO meta VALUES('freeze','{"at":1767225600000,"frozen":true,"reason":"for a while","who":"CORP\\bob"}');
CREATE TABLE counter (
         name TEXT PRIMARY KEY,
         value INTEGER NOT NULL) STRICT;
INSERT INTO counter VALUES('request',3);
INSERT INTO counter VALUES('decommission',4);
INSERT INTO counter VALUES('step',12);
INSERT INTO counter VALUES('attempt',5);
INSERT INTO counter VALUES('effect',1);
INSERT INTO counter VALUES('event',23);
INSERT INTO counter VALUES('audit',11);
INSERT INTO counter VALUES('aftercare',1);
CREATE TABLE plan (
         id TEXT PRIMARY KEY,
         hash TEXT NOT NULL,
         created INTEGER NOT NULL,
         expires INTEGER NOT NULL,
         requester_sid TEXT NOT NULL,
         options TEXT NOT NULL,
         machines TEXT NOT NULL,
         seal TEXT NOT NULL,
         request INTEGER) STRICT;
INSERT INTO "plan" VALUES('05e596a7-1728-4790-b814-7caffa6051e8','4d9539c2e16fd2bc87a1fd5ed89f1fa1802f9c32bf7f26630fc823068ec857b9',1767225600000,1767226500000,'S-1-5-21-1-2-3-5alice','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"done long ago","shutdown_timeout_ms":300000,"skip":[],"ticket":"CHG-1"}','{"format":1,"machines":[{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web01.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-1","ip_addresses":["10.1.2.1"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-1","name":"web01","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}}]}','d95d10c5996e2d6ec05150d74462a355e302cf62fcbc8b1b201215d5ee2c4ead',1);
INSERT INTO "plan" VALUES('7ae9f705-8276-4865-a7ee-0284b8f2938f','8a7b8ff50301dd23b436f41837d46186fc3761ace94668ad66a23d554ad5ee69',1767225600000,1767226500000,'S-1-5-21-1-2-3-5alice','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"in the middle","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','{"format":1,"machines":[{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web02.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-2","ip_addresses":["10.1.2.2"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-2","name":"web02","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}},{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web03.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-3","ip_addresses":["10.1.2.3"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-3","name":"web03","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}}]}','4f09721e6b1238248327f02066180a9c92d4f2ab04418a3620dc6bf1b211f115',2);
INSERT INTO "plan" VALUES('7da76cd4-7242-48a7-88d1-98da16504c2f','b0c474cd698fb001b429d9c897636ccc59aeec43cd6cebd4d785332b7c129152',1767225600000,1767226500000,'S-1-5-21-1-2-3-5alice','{"format":1,"guest_shutdown":true,"not_before":1767312000000,"reason":"","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','{"format":1,"machines":[{"machine":{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web04.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-4","ip_addresses":["10.1.2.4"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-4","name":"web04","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"},"plan":{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}}]}','c7fcec781669b69381b3c8c538248138b1bcf46a5f27a64576afdf92254a4b14',3);
CREATE TABLE request (
         id INTEGER PRIMARY KEY,
         created INTEGER NOT NULL,
         finished INTEGER,
         requester_sid TEXT NOT NULL,
         requester TEXT NOT NULL,
         sam TEXT NOT NULL,
         upn TEXT NOT NULL,
         domain TEXT NOT NULL,
         uid INTEGER NOT NULL,
         reason TEXT NOT NULL,
         ticket TEXT NOT NULL,
         options TEXT NOT NULL,
         plan TEXT NOT NULL REFERENCES plan (id),
         idempotency_key TEXT NOT NULL,
         body_hash TEXT NOT NULL,
         seal TEXT NOT NULL) STRICT;
INSERT INTO request VALUES(1,1767225600000,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice','alice','alice@corp.example.test','CORP',1000,'done long ago','CHG-1','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"done long ago","shutdown_timeout_ms":300000,"skip":[],"ticket":"CHG-1"}','05e596a7-1728-4790-b814-7caffa6051e8','','','4ea47ccdcd12d1a5d2398a9a915a6103a7dd8ed638a6fe3096ec208413c5e82c');
INSERT INTO request VALUES(2,1767225600000,NULL,'S-1-5-21-1-2-3-5alice','CORP\alice','alice','alice@corp.example.test','CORP',1000,'in the middle','','{"format":1,"guest_shutdown":true,"not_before":null,"reason":"in the middle","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','7ae9f705-8276-4865-a7ee-0284b8f2938f','','','f29ff35c61f55b1bff5de7c4d9a3c876d9d4fda1dc33ffbc9e4506304480931a');
INSERT INTO request VALUES(3,1767225600000,NULL,'S-1-5-21-1-2-3-5alice','CORP\alice','alice','alice@corp.example.test','CORP',1000,'','','{"format":1,"guest_shutdown":true,"not_before":1767312000000,"reason":"","shutdown_timeout_ms":300000,"skip":[],"ticket":""}','7da76cd4-7242-48a7-88d1-98da16504c2f','','','dc289c15703e52cb194fe57fa2e2cf581f7c6abb877269f99a343ce6ad5dbc80');
CREATE TABLE decommission (
         id INTEGER PRIMARY KEY,
         request INTEGER NOT NULL REFERENCES request (id),
         ordinal INTEGER NOT NULL,
         vcenter_uuid TEXT NOT NULL,
         moref TEXT NOT NULL,
         instance_uuid TEXT NOT NULL,
         name TEXT NOT NULL,
         search TEXT NOT NULL,
         facts TEXT NOT NULL,
         plan TEXT NOT NULL,
         plan_hash TEXT NOT NULL,
         seal TEXT NOT NULL,
         state TEXT NOT NULL,
         reason TEXT NOT NULL,
         not_before INTEGER,
         cancel_number INTEGER,
         warnings INTEGER NOT NULL,
         created INTEGER NOT NULL,
         started INTEGER,
         finished INTEGER,
         acting_sid TEXT NOT NULL,
         acting_sam TEXT NOT NULL,
         acting_upn TEXT NOT NULL,
         acting_domain TEXT NOT NULL,
         acting_seal TEXT NOT NULL,
         apply_again INTEGER NOT NULL,
         UNIQUE (request, ordinal)) STRICT;
INSERT INTO decommission VALUES(1,1,1,'vc-1','vm-1','5000-1','web01',replace('web01\nweb01.corp.example.test\n5000-1\n\nlab:vm-1\n10.1.2.1','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web01.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-1","ip_addresses":["10.1.2.1"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-1","name":"web01","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}','310aae4dd7fdfb3a11bc29ceba941aa804a433f06605d1fd06673a78aff206fd','0ee032f09fd02325b1501e2ae157730b5853aa48a3abafcce2b1d38bcd4fb3b5','succeeded','',NULL,NULL,0,1767225600000,1767225600000,1767225600000,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','5d9e7d48a8b6b958c2013ba1c053300d37ecf62c155d98fc11e4115e2375284e',0);
INSERT INTO decommission VALUES(2,2,1,'vc-1','vm-2','5000-2','web02',replace('web02\nweb02.corp.example.test\n5000-2\n\nlab:vm-2\n10.1.2.2','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web02.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-2","ip_addresses":["10.1.2.2"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-2","name":"web02","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}','c3cfe7ebb2103f3c258114006377654462a577db8203122ed813d49ac03e93e1','9eae62e858d50b2a98cc47744be5ea2cb560f47fc34638e147e74a30dff1af99','running','',NULL,NULL,0,1767225600000,1767225600000,NULL,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','468c113370eaf55476215d4395880077f75fcac2a10f267d10fed20c580b6997',0);
INSERT INTO decommission VALUES(3,2,2,'vc-1','vm-3','5000-3','web03',replace('web03\nweb03.corp.example.test\n5000-3\n\nlab:vm-3\n10.1.2.3','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web03.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-3","ip_addresses":["10.1.2.3"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-3","name":"web03","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}','b78be66e83a01cb7bad8a10ebb645dcb26bbc2d8cd90db485d5450184051f757','98acac2e73f1e8b8200bf4b33dff5fdf7aff7e44da49bb5680f9a21a71f458b1','queued','',NULL,NULL,0,1767225600000,NULL,NULL,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','17a648b2bd0842de9f12f962f5cf06df9df7ec63426b16d435e2ad304edb53ad',0);
INSERT INTO decommission VALUES(4,3,1,'vc-1','vm-4','5000-4','web04',replace('web04\nweb04.corp.example.test\n5000-4\n\nlab:vm-4\n10.1.2.4','\n',char(10)),'{"annotation":"","attributes":{"owner":"ops"},"bios_uuid":"","booted":null,"cluster":"","cpus":0,"created":null,"datacenter":"","disks":[],"family":"linux","folder":"","format":1,"guest_full_name":"","guest_host_name":"web04.corp.example.test","guest_id":"rhel8_64Guest","host":"","instance_uuid":"5000-4","ip_addresses":["10.1.2.4"],"is_template":false,"managed_by":"","memory_mb":0,"moref":"vm-4","name":"web04","power":"on","resource_pool":"","snapshots":[],"tags":[],"tools":"","tools_guest_id":"","vcenter":"lab","vcenter_uuid":"vc-1"}','{"format":1,"name":"linux","steps":[{"after":[],"definition":"","irreversible":false,"kind":"vsphere.power_off","name":"power_off","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":true,"kind":"vsphere.destroy","name":"destroy","on_failure":"stop","params":{},"records":null,"skipped":false,"system":"","why":""},{"after":[],"definition":"","irreversible":false,"kind":"dns","name":"dns","on_failure":"warn","params":{},"records":null,"skipped":false,"system":"","why":""}]}','96d67d5dfc8e01c9ce07defa74b83e55e7d939d54253e9255a62b1a4f3ccebec','d93051d05d733ebc3acc67727c649c3ff05075fa0a64ffd86f4d4d9414621777','scheduled','',1767312000000,NULL,0,1767225600000,NULL,NULL,'S-1-5-21-1-2-3-5alice','alice','alice@corp.example.test','CORP','3dec14524f906f1cd0da5824077d873807f4ed1783116d84d0dab4d77de5eaad',0);
CREATE TABLE step (
         id INTEGER PRIMARY KEY,
         decommission INTEGER NOT NULL REFERENCES decommission (id),
         ordinal INTEGER NOT NULL,
         name TEXT NOT NULL,
         kind TEXT NOT NULL,
         irreversible INTEGER NOT NULL,
         state TEXT NOT NULL,
         message TEXT NOT NULL,
         attempts INTEGER NOT NULL,
         crashes INTEGER NOT NULL,
         not_before INTEGER,
         started INTEGER,
         finished INTEGER,
         UNIQUE (decommission, ordinal),
         UNIQUE (decommission, name)) STRICT;
INSERT INTO step VALUES(1,1,0,'power_off','vsphere.power_off',0,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(2,1,1,'destroy','vsphere.destroy',1,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(3,1,2,'dns','dns',0,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(4,2,0,'power_off','vsphere.power_off',0,'succeeded','as the test says',1,0,NULL,1767225600000,1767225600000);
INSERT INTO step VALUES(5,2,1,'destroy','vsphere.destroy',1,'running','',1,0,NULL,1767225600000,NULL);
INSERT INTO step VALUES(6,2,2,'dns','dns',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(7,3,0,'power_off','vsphere.power_off',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(8,3,1,'destroy','vsphere.destroy',1,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(9,3,2,'dns','dns',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(10,4,0,'power_off','vsphere.power_off',0,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(11,4,1,'destroy','vsphere.destroy',1,'pending','',0,0,NULL,NULL,NULL);
INSERT INTO step VALUES(12,4,2,'dns','dns',0,'pending','',0,0,NULL,NULL,NULL);
CREATE TABLE attempt (
         id INTEGER PRIMARY KEY,
         step INTEGER NOT NULL REFERENCES step (id),
         number INTEGER NOT NULL,
         started INTEGER NOT NULL,
         finished INTEGER,
         outcome TEXT,
         observed TEXT,
         message TEXT NOT NULL,
         UNIQUE (step, number)) STRICT;
INSERT INTO attempt VALUES(1,1,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(2,2,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(3,3,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(4,4,1,1767225600000,1767225600000,'succeeded',NULL,'as the test says');
INSERT INTO attempt VALUES(5,5,1,1767225600000,NULL,NULL,NULL,'');
CREATE TABLE effect (
         id INTEGER PRIMARY KEY,
         attempt INTEGER NOT NULL REFERENCES attempt (id),
         ordinal INTEGER NOT NULL,
         call TEXT NOT NULL,
         target TEXT NOT NULL,
         before_image TEXT NOT NULL,
         irreversible INTEGER NOT NULL,
         opened INTEGER NOT NULL,
         deadline INTEGER NOT NULL,
         server_time INTEGER,
         handle TEXT NOT NULL,
         handled INTEGER,
         outcome TEXT NOT NULL,
         detail TEXT NOT NULL,
         closed INTEGER,
         UNIQUE (attempt, ordinal)) STRICT;
INSERT INTO effect VALUES(1,5,1,'Destroy_Task','vm-2','{}',1,1767225600000,0,NULL,'task-12',1767225600000,'open','',NULL);
CREATE TABLE event (
         seq INTEGER PRIMARY KEY,
         at INTEGER NOT NULL,
         request INTEGER NOT NULL,
         machine INTEGER,
         step TEXT,
         kind TEXT NOT NULL,
         level TEXT NOT NULL,
         text TEXT NOT NULL,
         data TEXT NOT NULL) STRICT;
INSERT INTO event VALUES(1,1767225600000,1,NULL,NULL,'request.accepted','info','request 1 accepted: 1 machine, asked for by CORP\alice','{"machines":["web01"],"reason":"done long ago","requester":"CORP\\alice","state":"queued","ticket":"CHG-1"}');
INSERT INTO event VALUES(2,1767225600000,1,1,NULL,'decommission.queued','info','web01: queued','{"id":"lab:vm-1","name":"web01","not_before":null,"plan":"linux","state":"queued"}');
INSERT INTO event VALUES(3,1767225600000,1,1,NULL,'decommission.started','info','web01: started','{"name":"web01","state":"running"}');
INSERT INTO event VALUES(4,1767225600000,1,1,'power_off','step.started','info','web01: power_off started','{"attempts":1,"kind":"vsphere.power_off","name":"web01","state":"running"}');
INSERT INTO event VALUES(5,1767225600000,1,1,'power_off','step.finished','info','web01: power_off succeeded: as the test says','{"attempts":1,"name":"web01","next":["destroy"],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(6,1767225600000,1,1,'destroy','step.started','info','web01: destroy started','{"attempts":1,"kind":"vsphere.destroy","name":"web01","state":"running"}');
INSERT INTO event VALUES(7,1767225600000,1,1,'destroy','step.finished','info','web01: destroy succeeded: as the test says','{"attempts":1,"name":"web01","next":["dns"],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(8,1767225600000,1,1,'dns','step.started','info','web01: dns started','{"attempts":1,"kind":"dns","name":"web01","state":"running"}');
INSERT INTO event VALUES(9,1767225600000,1,1,'dns','step.finished','info','web01: dns succeeded: as the test says','{"attempts":1,"name":"web01","next":[],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(10,1767225600000,1,1,NULL,'decommission.finished','info','web01: succeeded','{"name":"web01","reason":"","state":"succeeded","warnings":0}');
INSERT INTO event VALUES(11,1767225600000,1,NULL,NULL,'request.finished','info','request 1: succeeded','{"counts":{"succeeded":1},"machines":1,"state":"succeeded","warnings":0}');
INSERT INTO event VALUES(12,1767225600000,2,NULL,NULL,'request.accepted','info','request 2 accepted: 2 machines, asked for by CORP\alice','{"machines":["web02","web03"],"reason":"in the middle","requester":"CORP\\alice","state":"queued","ticket":""}');
INSERT INTO event VALUES(13,1767225600000,2,1,NULL,'decommission.queued','info','web02: queued','{"id":"lab:vm-2","name":"web02","not_before":null,"plan":"linux","state":"queued"}');
INSERT INTO event VALUES(14,1767225600000,2,2,NULL,'decommission.queued','info','web03: queued','{"id":"lab:vm-3","name":"web03","not_before":null,"plan":"linux","state":"queued"}');
INSERT INTO event VALUES(15,1767225600000,2,1,NULL,'decommission.started','info','web02: started','{"name":"web02","state":"running"}');
INSERT INTO event VALUES(16,1767225600000,2,1,'power_off','step.started','info','web02: power_off started','{"attempts":1,"kind":"vsphere.power_off","name":"web02","state":"running"}');
INSERT INTO event VALUES(17,1767225600000,2,1,'power_off','step.finished','info','web02: power_off succeeded: as the test says','{"attempts":1,"name":"web02","next":["destroy"],"state":"succeeded","text":"as the test says","took_ms":0}');
INSERT INTO event VALUES(18,1767225600000,2,1,'destroy','step.started','info','web02: destroy started','{"attempts":1,"kind":"vsphere.destroy","name":"web02","state":"running"}');
INSERT INTO event VALUES(19,1767225600000,2,1,'destroy','step.effect','info','web02: destroy calls Destroy_Task on vm-2','{"attempts":1,"call":"Destroy_Task","effect":1,"irreversible":true,"name":"web02","state":"running","target":"vm-2"}');
INSERT INTO event VALUES(20,1767225600000,2,1,'destroy','step.handle','info','web02: destroy runs as task-12','{"attempts":1,"call":"Destroy_Task","effect":1,"handle":"task-12","name":"web02","state":"running"}');
INSERT INTO event VALUES(21,1767225600000,3,NULL,NULL,'request.accepted','info','request 3 accepted: 1 machine, asked for by CORP\alice','{"machines":["web04"],"reason":"","requester":"CORP\\alice","state":"queued","ticket":""}');
INSERT INTO event VALUES(22,1767225600000,3,1,NULL,'decommission.queued','info','web04: scheduled for 2026-01-02T00:00:00.000Z','{"id":"lab:vm-4","name":"web04","not_before":"2026-01-02T00:00:00.000Z","plan":"linux","state":"scheduled"}');
INSERT INTO event VALUES(23,1767225600000,0,NULL,NULL,'freeze.changed','warning','frozen: no irreversible call is sent by CORP\bob: for a while','{"by":"CORP\\bob","frozen":true,"reason":"for a while"}');
CREATE TABLE audit (
         number INTEGER PRIMARY KEY,
         at INTEGER NOT NULL,
         sid TEXT NOT NULL,
         who TEXT NOT NULL,
         uid INTEGER NOT NULL,
         action TEXT NOT NULL,
         object TEXT NOT NULL,
         text TEXT NOT NULL,
         previous TEXT NOT NULL,
         hash TEXT NOT NULL) STRICT;
INSERT INTO audit VALUES(1,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'submit','1','plan 05e596a7-1728-4790-b814-7caffa6051e8 hash 4d9539c2e16fd2bc87a1fd5ed89f1fa1802f9c32bf7f26630fc823068ec857b9: web01','decom audit','61c209fbd2104e90fea163f67c91cd4b658b3e0301ed062b66b59db057d62689');
INSERT INTO audit VALUES(2,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','1.1/power_off','succeeded: as the test says','61c209fbd2104e90fea163f67c91cd4b658b3e0301ed062b66b59db057d62689','335e857c51c550daed5474511924b257a08e2dfe624124348333d2cfe4b90083');
INSERT INTO audit VALUES(3,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','1.1/destroy','succeeded: as the test says','335e857c51c550daed5474511924b257a08e2dfe624124348333d2cfe4b90083','d38f3b8025ceee049262c29c126799ff5858a5b4569f24bfc703ab39ca717490');
INSERT INTO audit VALUES(4,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','1.1/dns','succeeded: as the test says','d38f3b8025ceee049262c29c126799ff5858a5b4569f24bfc703ab39ca717490','9205c826ed98950b4ea3baa88d7937f02aee3f5ba4305f356b46ac230aa94598');
INSERT INTO audit VALUES(5,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'finish','1.1','web01: succeeded','9205c826ed98950b4ea3baa88d7937f02aee3f5ba4305f356b46ac230aa94598','6ede000e629132da5640e74208bfeb117569883d5e9c372e17c78dc1510d650e');
INSERT INTO audit VALUES(6,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'submit','2','plan 7ae9f705-8276-4865-a7ee-0284b8f2938f hash 8a7b8ff50301dd23b436f41837d46186fc3761ace94668ad66a23d554ad5ee69: web02, web03','6ede000e629132da5640e74208bfeb117569883d5e9c372e17c78dc1510d650e','c9ebc2cdbeda6517328c7df0defa633ab04294b192fbc3b7406d1583637d30fe');
INSERT INTO audit VALUES(7,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'outcome','2.1/power_off','succeeded: as the test says','c9ebc2cdbeda6517328c7df0defa633ab04294b192fbc3b7406d1583637d30fe','9b77d5677b8904f9158f5d0b3d55525b6dbdcd884a30576c1050a03fc18b80c2');
INSERT INTO audit VALUES(8,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',0,'effect','2.1/destroy','Destroy_Task vm-2','9b77d5677b8904f9158f5d0b3d55525b6dbdcd884a30576c1050a03fc18b80c2','2c115f92343115fd0d9deecbfc70f2125e04eb4020126cd9809d70f67d15446b');
INSERT INTO audit VALUES(9,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'submit','3','plan 7da76cd4-7242-48a7-88d1-98da16504c2f hash b0c474cd698fb001b429d9c897636ccc59aeec43cd6cebd4d785332b7c129152: web04','2c115f92343115fd0d9deecbfc70f2125e04eb4020126cd9809d70f67d15446b','f469f0c03e6d299a579554cd03615f899bd81b1d95b0a4d9fb90b578ff118ee1');
INSERT INTO audit VALUES(10,1767225600000,'S-1-5-21-1-2-3-5alice','CORP\alice',1000,'login','s-1','until 2026-01-01T08:00:00.000Z','f469f0c03e6d299a579554cd03615f899bd81b1d95b0a4d9fb90b578ff118ee1','c45a559a17692de4d7dc19d63e0eab39b7d5c5503840a4cbbca54962e6aca035');
INSERT INTO audit VALUES(11,1767225600000,'S-1-5-21-1-2-3-3bob','CORP\bob',1000,'freeze','','for a while','c45a559a17692de4d7dc19d63e0eab39b7d5c5503840a4cbbca54962e6aca035','14d549815a508995eb94f5d94d5a899d1dca5aaf87c83b7ab9ecb449fa7aefb6');
CREATE TABLE session (
         id TEXT PRIMARY KEY,
         token_hash TEXT NOT NULL UNIQUE,
         sid TEXT NOT NULL,
         sam TEXT NOT NULL,
         upn TEXT NOT NULL,
         domain TEXT NOT NULL,
         uid INTEGER NOT NULL,
         is_token INTEGER NOT NULL,
         name TEXT NOT NULL,
         roles TEXT NOT NULL,
         created INTEGER NOT NULL,
         expires INTEGER NOT NULL,
         revoked INTEGER) STRICT;
INSERT INTO session VALUES('s-1','aa','S-1-5-21-1-2-3-5alice','alice','','CORP',1000,0,'','operator',1767225600000,1767254400000,NULL);
CREATE TABLE aftercare (
         id INTEGER PRIMARY KEY,
         decommission INTEGER NOT NULL REFERENCES decommission (id),
         step INTEGER NOT NULL REFERENCES step (id),
         kind TEXT NOT NULL,
         after_ms INTEGER NOT NULL,
         due INTEGER NOT NULL,
         state TEXT NOT NULL,
         attempts INTEGER NOT NULL,
         said TEXT NOT NULL,
         found TEXT NOT NULL,
         finished INTEGER,
         UNIQUE (decommission, step, kind, after_ms)) STRICT;
INSERT INTO aftercare VALUES(1,1,3,'look',86400000,1767312000000,'waiting',0,'','[]',NULL);
CREATE INDEX plan_by_expiry ON plan (expires);
CREATE UNIQUE INDEX one_request_per_key ON request (requester_sid, idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX request_by_time ON request (created);
CREATE INDEX request_by_requester ON request (requester_sid, id);
CREATE UNIQUE INDEX one_live_decommission_per_machine ON decommission (vcenter_uuid, moref, instance_uuid)
         WHERE state NOT IN ('succeeded', 'failed', 'cancelled');
CREATE INDEX decommission_by_state ON decommission (state, request, ordinal, vcenter_uuid);
CREATE INDEX decommission_by_due ON decommission (not_before) WHERE state IN ('scheduled', 'holding');
CREATE INDEX event_by_request ON event (request, seq);
CREATE INDEX session_by_person ON session (sid);
CREATE INDEX aftercare_by_due ON aftercare (due) WHERE state = 'waiting';
COMMIT;
